//! Searching for objects.

use crate::attribute::{Attributes, matching};
use crate::backend::{Found, View};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::session::Session;

/// A running search: what matched when it began. Handles are issued as results are fetched.
pub struct Finding {
    matches: Vec<Match>,
    next: usize,
}

enum Match {
    Session(Handle),
    Token(Found),
}

impl Session {
    /// `C_FindObjectsInit`.
    ///
    /// # Errors
    /// OperationActive (the running search goes on), and what the token answers.
    pub fn find_start(&mut self, query: &Attributes) -> Result<()> {
        if self.finding.is_some() {
            return Err(Code::OperationActive.because("a search is running in this session"));
        }
        let mut matches = Vec::new();
        let view = self.slot().view();
        for (handle, object) in self.slot().objects.session_objects() {
            let snapshot = object.snapshot();
            let visible = view == View::All || !snapshot.is_private();
            if visible && matching::matches(&snapshot.attributes, query) {
                matches.push(Match::Session(handle));
            }
        }
        let found = match self.slot().token.find(query, view) {
            // Another thread's logout came between: what is private is out of sight now.
            Err(e) if e.code() == Code::UserNotLoggedIn && view == View::All => {
                self.slot().token.find(query, View::Public)?
            }
            found => found?,
        };
        matches.extend(found.into_iter().map(Match::Token));
        self.finding = Some(Finding { matches, next: 0 });
        Ok(())
    }

    /// `C_FindObjects`: up to `most` handles, none at the end.
    ///
    /// # Errors
    /// OperationNotInitialized.
    pub fn find_next(&mut self, most: usize) -> Result<Vec<Handle>> {
        let slot = self.slot.clone();
        let finding = self.finding.as_mut().ok_or_else(not_searching)?;
        let end = finding.matches.len().min(finding.next.saturating_add(most));
        let view = slot.view();
        let handles = finding.matches[finding.next..end].iter().filter_map(|found| match found {
            Match::Session(handle) => Some(*handle),
            // A logout since the search began: what was private is out of sight.
            Match::Token(found) if found.private && view == View::Public => None,
            Match::Token(found) => Some(slot.objects.issue_token(*found)),
        });
        let handles = handles.collect();
        finding.next = end;
        Ok(handles)
    }

    /// Ends the search, if one runs (`C_SessionCancel`).
    pub fn end_search(&mut self) {
        self.finding = None;
    }

    /// `C_FindObjectsFinal`.
    ///
    /// # Errors
    /// OperationNotInitialized.
    pub fn find_end(&mut self) -> Result<()> {
        self.finding.take().map(drop).ok_or_else(not_searching)
    }
}

#[cold]
fn not_searching() -> crate::error::Error {
    Code::OperationNotInitialized.because("no search is running")
}
