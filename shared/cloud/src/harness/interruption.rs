//! When the machine is taken away: what runs is told to stop, and gives its lease back.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use crate::{Control, stage::Stop};

/// Whether the machine is being taken away, and whom to tell.
#[derive(Debug, Default)]
pub(super) struct Interruption {
    has_come: AtomicBool,
    running: Mutex<Vec<Weak<Control>>>,
}

/// An attempt that is told of an interruption for as long as this value lives.
pub(super) struct Watched<'a> {
    interruption: &'a Interruption,
    control: Arc<Control>,
}

impl Interruption {
    /// Tells whoever runs and whoever begins from now on.
    pub(super) fn come(&self) {
        self.has_come.store(true, Ordering::Release);
        for control in self.running().iter().filter_map(Weak::upgrade) {
            control.stop(Stop::Interrupted);
        }
    }

    /// Has an attempt told.
    pub(super) fn watch(&self, control: &Arc<Control>) -> Watched<'_> {
        self.running().push(Arc::downgrade(control));
        // Looked at after the push: whoever comes in between tells twice, which is once.
        if self.has_come.load(Ordering::Acquire) {
            control.stop(Stop::Interrupted);
        }
        let control = control.clone();
        Watched {
            interruption: self,
            control,
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Control>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let own = Arc::downgrade(&self.control);
        self.interruption.running().retain(|other| !other.ptr_eq(&own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_and_whoever_begins_later_is_told() {
        let interruption = Interruption::default();
        let controls: Vec<_> = (0..3).map(|_| Arc::new(Control::default())).collect();
        let first = interruption.watch(&controls[0]);
        drop(interruption.watch(&controls[1]));
        interruption.come();
        let _late = interruption.watch(&controls[2]);
        let stopped: Vec<_> = controls.iter().map(|control| control.stop_reason()).collect();
        assert_eq!(stopped, [Some(Stop::Interrupted), None, Some(Stop::Interrupted)]);
        drop(first);
        assert_eq!(interruption.running().len(), 1);
    }
}
