//! `marey keys`: who may call the API.

use marey_contract::{KeyDetail, KeyRequest, KeyScope};

use super::{Verdict, show_json_or};
use crate::arguments::{CreateKey, KeyCommand};
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{moment, tame};

const LIST: [Column<'static>; 6] = [
    Column::left("ID"),
    Column::left("OWNER"),
    Column::left("ALLOWS"),
    Column::left("CREATED (UTC)").drops_at(2),
    Column::left("STATUS"),
    Column::left("FOR").shrinks_to(8).drops_at(1),
];

pub(super) async fn keys(client: &Client, screen: &Screen, command: &KeyCommand) -> Result<Verdict, Error> {
    match command {
        KeyCommand::Create(options) => create(client, screen, options).await,
        KeyCommand::List => {
            let list = client.keys().await?;
            show_json_or(screen, &list, || table(screen, &list.keys))
        }
        KeyCommand::Revoke(options) => {
            let key = client.revoke_key(&options.id).await?;
            show_json_or(screen, &key, || {
                format!("{} of {} no longer works", tame(&key.id), tame(&key.owner))
            })
        }
    }
}

async fn create(client: &Client, screen: &Screen, options: &CreateKey) -> Result<Verdict, Error> {
    let request = KeyRequest {
        owner: options.owner.clone(),
        scopes: options.scopes.iter().map(|scope| KeyScope::from(*scope)).collect(),
        note: options.note.clone(),
    };
    let key = client.create_key(&request).await?;
    // The key alone on standard output: it can be piped to where it is kept and never stand on a screen.
    let verdict = show_json_or(screen, &key, || tame(&key.key))?;
    if !screen.is_json() {
        Screen::note(&format!(
            "{} {}, {}, id {}",
            screen.paint_note(Paint::Good, "✓"),
            tame(&key.detail.owner),
            allows(&key.detail.scopes),
            tame(&key.detail.id)
        ));
        Screen::note(&screen.paint_note(Paint::Faint, "the key is shown this once: set MAREY_API_KEY to it"));
    }
    Ok(verdict)
}

fn allows(scopes: &[KeyScope]) -> String {
    let word = |scope: &KeyScope| match scope {
        KeyScope::Read => "read",
        KeyScope::Write => "write",
        KeyScope::Admin => "admin",
    };
    scopes.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn table(screen: &Screen, keys: &[KeyDetail]) -> String {
    if keys.is_empty() {
        return "no keys yet".to_owned();
    }
    let row = |key: &KeyDetail| {
        let status = match &key.revoked_at {
            Some(at) => Cell::painted(format!("revoked {}", moment(at)), Paint::Odd),
            None => Cell::painted("works", Paint::Good),
        };
        vec![
            Cell::new(tame(&key.id)),
            Cell::new(tame(&key.owner)),
            Cell::new(allows(&key.scopes)),
            Cell::new(moment(&key.created_at)),
            status,
            Cell::new(tame(key.note.as_deref().unwrap_or("-"))),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    render(&LIST, &rows, screen.out_width(), &|paint, text| {
        screen.paint(paint, text)
    })
}
