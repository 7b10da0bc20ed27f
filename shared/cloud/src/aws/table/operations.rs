//! Control rows, pulses and memos.

use jiff::SignedDuration;
use marey_engine::{Control, StageName, Versioned};

use super::{
    Table,
    rows::{CONTROLS, RowKey, expire, item, read},
};
use crate::{
    CloudError,
    store::{KeepMemos, KeepPulses, Memo, Pulse, ReadControls, WriteControls},
};

/// A pulse is forgotten after this time.
const PULSES_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// A memo is forgotten after this time; the artifacts it names live as long as the deployment keeps artifacts.
const MEMOS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl ReadControls for Table {
    async fn control_rows(&self) -> Result<Vec<Versioned<Control>>, CloudError> {
        let rows = self.partition(CONTROLS.to_owned(), "").await?;
        rows.iter().map(read).collect()
    }
}

impl WriteControls for Table {
    async fn put_control(&self, control: &Control, version: Option<u64>) -> Result<Versioned<Control>, CloudError> {
        let row = Versioned {
            value: control.clone(),
            version: version.unwrap_or(0) + 1,
        };
        let mut item = item(RowKey::control(&control.scope), control, row.version)?;
        // A decision holds until it is taken back.
        expire(&mut item, None);
        self.put(item, &row, "put control").await?;
        Ok(row)
    }
}

impl KeepPulses for Table {
    async fn put_pulse(&self, pulse: &Pulse) -> Result<(), CloudError> {
        let mut item = item(RowKey::pulse(&pulse.stage, &pulse.worker), pulse, 1)?;
        expire(&mut item, Some(PULSES_KEPT));
        self.replace(item, "put pulse").await
    }

    async fn pulses(&self, stage: &StageName) -> Result<Vec<Pulse>, CloudError> {
        let rows = self.partition(RowKey::pulses(stage), "").await?;
        rows.iter().map(|item| read(item).map(|row| row.value)).collect()
    }
}

impl KeepMemos for Table {
    async fn memo(&self, inputs: &str) -> Result<Option<Memo>, CloudError> {
        let found = self.get(RowKey::memo(inputs)).await?;
        found.map(|item| read(&item).map(|row| row.value)).transpose()
    }

    async fn put_memo(&self, memo: &Memo) -> Result<(), CloudError> {
        let mut item = item(RowKey::memo(&memo.inputs), memo, 1)?;
        expire(&mut item, Some(MEMOS_KEPT));
        self.replace(item, "put memo").await
    }
}
