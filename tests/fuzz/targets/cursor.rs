#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    leadcast::fuzzing::cursor(data);
    leadcast::fuzzing::page_cursor(data);
});
