//! The Keyway PKCS#11 module.
