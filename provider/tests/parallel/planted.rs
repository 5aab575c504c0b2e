//! The checker is checked: histories with a fault in them, and the same without it.

use crate::checker::{check, value};
use crate::history::{self, Act, Answer, Record};
use crate::record;

fn create(times: (u64, u64)) -> Record {
    record("0.0.0", times, Act::Create("first".into()), "k", Answer::Done)
}

fn destroy(times: (u64, u64), answer: Answer) -> Record {
    record("1.0.0", times, Act::Destroy, "k", answer)
}

fn find(times: (u64, u64), found: &[&str]) -> Record {
    let found = found.iter().map(|id| (*id).to_owned()).collect();
    record("2.0.0", times, Act::Find, "k", Answer::Found(found, 0))
}

fn all(times: (u64, u64), found: &[&str]) -> Record {
    Record { act: Act::FindAll, key: String::new(), ..find(times, found) }
}

fn set(times: (u64, u64), label: &str, answer: Answer) -> Record {
    record("3.0.0", times, Act::SetLabel(label.into()), "k", answer)
}

fn read(times: (u64, u64), label: &str) -> Record {
    record("2.0.0", times, Act::ReadLabel, "k", Answer::Value(label.into()))
}

#[track_caller]
fn fine(records: &[Record]) {
    if let Err(wrong) = check(records) {
        panic!("{wrong:?}");
    }
}

#[track_caller]
fn found(records: &[Record], what: &str) {
    let wrong = check(records).expect_err("a fault was planted");
    assert!(wrong.iter().any(|line| line.starts_with(what)), "{wrong:?}");
}

#[test]
fn a_key_that_comes_back_is_found() {
    let destroyed = [create((0, 10)), destroy((20, 30), Answer::Done)];
    let with = |last: Record| [destroyed.to_vec(), vec![last]].concat();
    fine(&with(find((25, 40), &["k"])));
    fine(&with(find((31, 40), &[])));
    found(&with(find((31, 40), &["k"])), "resurrected");
    found(&with(all((31, 40), &["k"])), "resurrected");
    found(&with(read((31, 40), "first")), "resurrected");
    found(&with(destroy((31, 40), Answer::Done)), "resurrected");
    // Gone for one who looked, and back for the next, whoever destroyed it when.
    let cut_off = destroy((20, u64::MAX), Answer::Unknown);
    let flickers = [create((0, 10)), cut_off, find((30, 40), &[]), find((50, 60), &["k"])];
    found(&flickers, "resurrected");
    fine(&flickers[..3]);
}

#[test]
fn a_key_that_nobody_made_is_found() {
    found(&[create((0, 10)), all((20, 30), &["k", "other"])], "phantom");
    found(&[create((20, 30)), find((0, 10), &["k"])], "phantom");
    found(&[read((0, 10), "first")], "phantom");
    fine(&[create((0, 20)), find((10, 15), &["k"])]);
    found(&[create((0, 10)), all((20, 30), &["k", "k"])], "found twice");
}

#[test]
fn a_key_that_is_lost_is_found() {
    let lost = [create((0, 10)), find((20, 30), &[])];
    found(&lost, "lost");
    found(&[create((0, 10)), all((20, 30), &[])], "lost");
    // It may not have been made yet, or somebody may just have destroyed it.
    fine(&[create((0, 25)), find((20, 30), &[])]);
    fine(&[create((0, 10)), destroy((25, 40), Answer::Done), find((20, 30), &[])]);
    // Nobody knows whether it was made, until somebody sees it.
    let cut_off = Record { answer: Answer::Unknown, ..create((0, 10)) };
    fine(&[cut_off.clone(), find((20, 30), &[])]);
    found(&[cut_off, find((20, 30), &["k"]), find((40, 50), &[])], "lost");
}

#[test]
fn an_update_that_is_lost_is_found() {
    let set_twice = [
        create((0, 10)),
        set((20, 30), "second", Answer::Done),
        set((40, 50), "third", Answer::Done),
    ];
    let with = |last: &[Record]| [set_twice.to_vec(), last.to_vec()].concat();
    fine(&with(&[read((60, 70), "third")]));
    fine(&with(&[read((45, 70), "second"), read((60, 70), "third")]));
    found(&with(&[read((60, 70), "second")]), "lost update");
    found(&with(&[read((60, 70), "first")]), "lost update");
    found(&with(&[read((60, 70), "fourth")]), "phantom");
    found(&with(&[read((12, 18), "third")]), "phantom");
    // Concurrent writes come in some order, which all readers see.
    let concurrent = [
        create((0, 10)),
        set((20, 50), "second", Answer::Done),
        set((20, 50), "third", Answer::Done),
    ];
    let with = |last: &[Record]| [concurrent.to_vec(), last.to_vec()].concat();
    fine(&with(&[read((60, 70), "second")]));
    fine(&with(&[read((60, 70), "third"), read((80, 90), "third")]));
    found(&with(&[read((60, 70), "third"), read((80, 90), "second")]), "lost update");
    found(&with(&[read((60, 70), "first")]), "lost update");
}

#[test]
fn a_write_of_a_killed_process_may_have_happened_or_not() {
    let cut_off = [create((0, 10)), set((20, 100), "second", Answer::Unknown)];
    let with = |last: &[Record]| [cut_off.to_vec(), last.to_vec()].concat();
    fine(&with(&[read((200, 210), "first")]));
    fine(&with(&[read((200, 210), "second")]));
    found(&with(&[read((30, 35), "second"), read((40, 45), "first")]), "lost update");
}

#[test]
fn a_search_by_label_that_misses_a_key_is_found() {
    let by_label =
        |found: &[&str]| Record { act: Act::FindLabel("first".into()), ..all((40, 50), found) };
    let before = [create((0, 10)), read((20, 30), "first")];
    fine(&[&before[..], &[by_label(&["k"])]].concat());
    found(&[&before[..], &[by_label(&[])]].concat(), "lost");
    let renamed = set((35, 60), "second", Answer::Done);
    fine(&[&before[..], &[renamed, by_label(&[])]].concat());
    let renamed = set((32, 35), "second", Answer::Done);
    found(&[&before[..], &[renamed, by_label(&["k"])]].concat(), "lost update");
}

#[test]
fn a_code_of_another_key_and_an_unexpected_answer_are_found() {
    let sign =
        |mac: String| record("0.0.0", (20, 30), Act::Sign("x".into()), "k", Answer::Value(mac));
    let other = hex::encode(value("k"));
    found(&[create((0, 10)), sign(other)], "0.0.0 signed with another key");
    let failed = Answer::Failed("CKR_DEVICE_ERROR".into());
    found(&[create((0, 10)), destroy((20, 30), failed)], "1.0.0 Destroy");
}

#[test]
fn a_history_that_is_cut_off_is_read_as_far_as_it_goes() {
    let text = "begin 5 create k first\nend 7 done \nbegin 9 read k \nend 11 value first\nbegin 13 set k \
                next\nend 15 do";
    let records = history::read("0.0.0", text, Some(20));
    assert_eq!(records.len(), 3);
    assert_eq!(records[1].answer, Answer::Value("first".into()));
    assert_eq!((records[2].end, &records[2].answer), (20, &Answer::Unknown));
    assert_eq!(records[2].act, Act::SetLabel("next".into()));
    let found = history::read("0.0.0", "begin 1 all - \nend 2 found 1 a,b\n", None);
    assert_eq!(found[0].answer, Answer::Found(vec!["a".into(), "b".into()], 1));
    assert_eq!(found[0].key, "");
}
