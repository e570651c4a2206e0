//! What people see of the local page, in a real browser: Chromium, driven by Playwright.
//!
//! Each test starts what is looked at, then a script of `cases/` in node, which drives a browser of its own and fails with
//! what it missed. `scripts/browser` installs both. Pictures of every page are kept in `target/browser/pictures`.
#![cfg(all(feature = "viewer", feature = "cli", feature = "axum"))]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "what a test needs around it may fail as loudly as the test"
)]

mod attacked;
mod builds;
mod driver;
#[path = "../support/example.rs"]
mod example;
mod shop;

use self::driver::Driver;
use self::shop::Shop;

#[test]
fn a_link_of_an_answer_leads_to_everything_about_its_request() {
    let Some(driver) = Driver::find("a_link_of_an_answer_leads_to_everything_about_its_request") else { return };
    driver.run("link", &Shop::start(60));
}

#[test]
fn a_failing_request_is_found_by_typing_and_its_page_answers_what_comes_next() {
    let Some(driver) = Driver::find("a_failing_request_is_found_by_typing_and_its_page_answers_what_comes_next") else { return };
    driver.run("find", &Shop::start(300));
}

#[test]
fn a_new_request_appears_within_a_second_of_its_end_and_moves_nothing_that_is_read() {
    let Some(driver) = Driver::find("a_new_request_appears_within_a_second_of_its_end_and_moves_nothing_that_is_read") else {
        return;
    };
    driver.run("live", &Shop::start(200));
}

#[test]
fn everything_is_reached_with_the_keyboard_alone() {
    let Some(driver) = Driver::find("everything_is_reached_with_the_keyboard_alone") else { return };
    driver.run("keyboard", &Shop::start(200));
}

#[test]
fn every_page_can_be_read_by_everybody_in_light_and_dark_wide_and_narrow() {
    let Some(driver) = Driver::find("every_page_can_be_read_by_everybody_in_light_and_dark_wide_and_narrow") else { return };
    driver.run("everybody", &Shop::start(400));
}

#[test]
fn the_list_is_as_it_was_left_when_one_comes_back_from_a_request() {
    let Some(driver) = Driver::find("the_list_is_as_it_was_left_when_one_comes_back_from_a_request") else { return };
    driver.run("back", &Shop::start(400));
}

#[test]
fn dragging_over_a_drawing_and_clicking_a_facet_narrow_the_list() {
    let Some(driver) = Driver::find("dragging_over_a_drawing_and_clicking_a_facet_narrow_the_list") else { return };
    driver.run("narrow", &Shop::start(400));
}

#[test]
fn what_matches_is_deleted_only_by_its_count_and_files_are_what_they_are_called() {
    let Some(driver) = Driver::find("what_matches_is_deleted_only_by_its_count_and_files_are_what_they_are_called") else {
        return;
    };
    driver.run("acts", &Shop::start(200));
}

#[test]
fn the_last_build_is_one_click_away_and_what_came_later_is_told() {
    let Some(driver) = Driver::find("the_last_build_is_one_click_away_and_what_came_later_is_told") else { return };
    driver.run("builds", &builds::start());
}

// VW-36, VW-37
#[test]
fn what_was_recorded_is_text_whatever_it_says() {
    let Some(driver) = Driver::find("what_was_recorded_is_text_whatever_it_says") else { return };
    driver.run("attacks", &attacked::start());
}
