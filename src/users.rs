//! The names of this machine's users.

use std::collections::HashMap;

/// User names by number, as `/etc/passwd` has them (passwd(5)).
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<u32, String>);

impl Users {
    /// Those of this machine; none if the file cannot be read.
    pub(crate) fn of_this_machine() -> Self {
        Self::read(&std::fs::read_to_string("/etc/passwd").unwrap_or_default())
    }

    fn read(text: &str) -> Self {
        let user = |line: &str| {
            let mut columns = line.split(':');
            let (name, number) = (columns.next()?, columns.nth(1)?);
            Some((number.parse().ok()?, name.to_owned()))
        };
        // Of two names for one number the first counts, as everywhere else.
        Self(text.lines().rev().filter_map(user).collect())
    }

    /// The user's name, if he has one.
    pub(crate) fn find(&self, user: u32) -> Option<&str> {
        self.0.get(&user).map(String::as_str)
    }

    /// The user's name, else the number.
    pub(crate) fn name(&self, user: u32) -> String {
        self.find(user).map_or_else(|| user.to_string(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_first_name_of_his_number_or_the_number() {
        let users = Users::read(
            "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nbroken\nwww-data:x:33:33::/:\n",
        );
        assert_eq!([users.name(0), users.name(33), users.name(4)], ["root", "www-data", "4"]);
    }
}
