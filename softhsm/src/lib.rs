//! A fresh, reproducible SoftHSM2 token for every test.
