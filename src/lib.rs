//! Keyway: key management on any PKCS#11 token.
#![deny(unsafe_code)]
