//! Proof on the deployed stack: many jobs at once, while functions are killed, messages come twice and the cloud restarts.

mod chaos;
mod load;
mod local;
mod verdict;

pub(crate) use chaos::{Options as ChaosOptions, run as chaos};
pub(crate) use load::{Options as LoadOptions, run as load};

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    build,
    cloud::{self, Cloud, Kind},
    home, setup,
    stack::Stack,
};

/// A local cloud of its own, stopped with the value.
struct Arena {
    stack: Stack,
}

impl Arena {
    /// Starts a cloud on a free port and deploys to it. With `state`, it keeps its state in that folder over a restart.
    fn start(state: Option<PathBuf>) -> Result<Self> {
        setup::all(&setup::Wanted::for_cloud(Kind::Ministack))?;
        build::functions()?;
        let cloud = Cloud::start_with(Kind::Ministack, cloud::free_port()?, state)?;
        match Stack::deploy(cloud.clone()) {
            Ok(stack) => Ok(Self { stack }),
            Err(error) => {
                cloud.stop();
                Err(error)
            }
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.stack.cloud.stop();
    }
}

/// A folder of this run's own below `.marey`, empty.
fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = home().join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
