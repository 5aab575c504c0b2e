//! What snapshots of objects share, without an allocation where there is nothing to share.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::attribute::Attributes;

/// A shared slice or set of attributes. Most attributes of an object are empty by default.
pub struct Shared<T: ?Sized>(Option<Arc<T>>);

/// What stands for nothing.
pub trait Empty: 'static {
    const EMPTY: &'static Self;
}

impl<E: 'static> Empty for [E] {
    const EMPTY: &'static Self = &[];
}

static NO_ATTRIBUTES: Attributes = Attributes::new();

impl Empty for Attributes {
    const EMPTY: &'static Self = &NO_ATTRIBUTES;
}

impl<T: Empty + ?Sized> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Empty + PartialEq + ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Empty + fmt::Debug + ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<E: Copy> From<&[E]> for Shared<[E]> {
    fn from(slice: &[E]) -> Self {
        Self((!slice.is_empty()).then(|| slice.into()))
    }
}

impl<E: Copy, const N: usize> From<[E; N]> for Shared<[E]> {
    fn from(array: [E; N]) -> Self {
        array[..].into()
    }
}

impl<E: Copy> From<Vec<E>> for Shared<[E]> {
    fn from(vec: Vec<E>) -> Self {
        vec[..].into()
    }
}

impl From<Attributes> for Shared<Attributes> {
    fn from(attributes: Attributes) -> Self {
        Self((!attributes.is_empty()).then(|| attributes.into()))
    }
}
