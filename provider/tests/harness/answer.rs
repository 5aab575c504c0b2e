//! What a module answered, in the words of `tests/deviations.toml`.

use super::Code;

/// An answer that can be described without what differs from run to run.
pub trait Answer {
    fn described(&self) -> String;
}

impl<T: Answer> Answer for Result<T, Code> {
    fn described(&self) -> String {
        match self {
            Ok(value) => value.described(),
            Err(code) => code.name().to_owned(),
        }
    }
}

impl<T: Answer> Answer for Option<T> {
    fn described(&self) -> String {
        self.as_ref().map_or("nothing".to_owned(), T::described)
    }
}

impl Answer for () {
    fn described(&self) -> String {
        "CKR_OK".to_owned()
    }
}

impl Answer for Code {
    fn described(&self) -> String {
        self.name().to_owned()
    }
}

impl Answer for Vec<u8> {
    fn described(&self) -> String {
        format!("{} bytes", self.len())
    }
}

impl Answer for String {
    fn described(&self) -> String {
        self.clone()
    }
}

impl<A: Answer, B: Answer> Answer for (A, B) {
    fn described(&self) -> String {
        format!("{}, {}", self.0.described(), self.1.described())
    }
}

impl Answer for bool {
    fn described(&self) -> String {
        self.to_string()
    }
}

impl Answer for u64 {
    fn described(&self) -> String {
        match *self {
            u64::MAX => "CK_UNAVAILABLE_INFORMATION".to_owned(),
            number => number.to_string(),
        }
    }
}

impl Answer for usize {
    fn described(&self) -> String {
        (*self as u64).described()
    }
}

impl Answer for Vec<u64> {
    fn described(&self) -> String {
        format!("{} entries", self.len())
    }
}
