//! Numbered fields, one after another: number(1) ‖ length(4) ‖ value. A reader skips the numbers
//! that it does not know.

/// Adds a field.
pub(crate) fn put(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field);
    out.extend((value.len() as u32).to_be_bytes());
    out.extend(value);
}

/// Field numbers with their values, in the order in which they stand; `None` for bytes that end in
/// the middle of a field.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (&[field], rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        fields.push((field, value));
        bytes = rest;
    }
    Some(fields)
}
