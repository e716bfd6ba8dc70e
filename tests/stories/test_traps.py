"""The traps of Midtrans and Digiflazz that others met, each with the stories and tests that show that it is none here.

A proof is a story (`file: its title`) or a test (`path::its name`). Where a trap has nothing to spring on, because the
system does no such thing, it stands under ABSENT with a sign by which it would be noticed that it does now.
"""

import ast
from pathlib import Path

import pytest

from tests.stories.story import stories_in

STORIES = {str(story) for story in stories_in(Path(__file__).parent)}

MIDTRANS_TESTS = "callbacks/payment/test_midtrans_callback.py::"
CONFIRM = "callbacks/payment/test_midtrans_confirm.py::"
TABLE = "callbacks/payment/test_midtrans_table.py::"
DIGIFLAZZ = "callbacks/ppob/test_ppob_callbacks.py::"
HABITS = "callbacks/test_habits_of_senders.py::"
FORGED = "callbacks/test_forged.py::"
DOOR = "test_main.py::"
CONSTANT_TIME = "providers/test_constant_time.py::"
CHAOS = "chaos/"
SAME_MOMENT = CHAOS + "test_same_moment.py::"

NO_GATE = HABITS + "test_neither_address_nor_program_nor_event_word_of_a_sender_decides_anything"

TRAPS: dict[str, tuple[str, ...]] = {
    # ---- Midtrans: signature and identity
    "code, word and fraud status must all say success, and id, amount and attempt fit": (
        "odd_senders: all three fields that mean success must say so",
        "attempts: settlement with another code, or pending with 200, is no payment",
        "fee: another amount than announced credits nothing, and a person is told",
        TABLE + "test_every_combination_of_words_says_what_the_law_says",
    ),
    "the signature does not cover status, fraud, method and attempt": (
        "doubt: a settlement written from another attempt's capture is asked for, and so is the credit",
        "doubt: the forged settlement comes first: its credit is disproved when the genuine notice comes",
        "doubt: a settlement written from an authorize of the same attempt is disproved by the API",
        "reversal: a forged deny never outweighs a payment that the API confirmed",
        "refunds: a forged refund is asked for and refused",
    ),
    "no time stamp, no nonce: a captured notification can be sent again for ever": (
        "attempts: a repetition is a duplicate, however often and whenever",
    ),
    "signed values are glued: one order's signature may fit another one": (
        "twins: a payment that reads as another announced order is asked for",
        "twins: the genuine payment of such an order is asked for and credited",
        "twins: the shorter id is looked for as well as the longer one",
        TABLE + "test_all_twins_are_found_and_nothing_else",
    ),
    "the strings are signed as they came, not a number": (
        MIDTRANS_TESTS + "test_signed_fields_that_are_absent_or_odd_are_refused_with_what_can_be_read",
        "providers/test_schemes.py::test_what_is_no_text_was_not_signed",
    ),
    "plug-ins decorate order ids, payment links add a suffix": (
        "parked: decorated ids are other orders",
        "odd_senders: two prices whose order is the same but for a suffix stay two orders",
    ),
    "transaction_id is not always a UUID": ("odd_senders: a transaction_id is any text",),
    "words come in other cases, and status 200 with PENDING": (
        "attempts: words are compared without case, and an absent, null or empty fraud_status is accept",
        "attempts: settlement with another code, or pending with 200, is no payment",
        MIDTRANS_TESTS + "test_words_are_compared_without_case_and_an_absent_fraud_status_is_accept",
    ),
    "codes are a second check, and a chargeback's is not to be relied on": (
        TABLE + "test_fields_agree_only_where_midtrans_sends_them_so",
        "refunds: a chargeback takes everything",
    ),
    "challenge is still possible, and ends either way": (
        "attempts: a challenged card shows as challenged and pays nothing until it is accepted",
        "attempts: a challenged card that is denied stays unpaid",
    ),
    "partner accounts sign with another key, keys are rotated": (
        MIDTRANS_TESTS + "test_a_rotated_key_says_which_one_fitted",
    ),
    "new fields appear": (MIDTRANS_TESTS + "test_every_sample_is_verified_identified_and_read",),
    # ---- Midtrans: attempts and late money
    "several methods are tried under one order": (
        "attempts: a card denied, then a virtual account: an ordinary paying customer",
        "attempts: a paid attempt, then another one denied: nothing is taken away",
        "attempts: deny, cancel, expire and failure end an attempt and are shown, never the order",
        "odd_senders: a virtual account that was cancelled unpaid ends its attempt, and another one pays",
    ),
    "two attempts may both be paid": (
        "attempts: two attempts are paid: credited once, and a person is told",
        "attempts: of two paid attempts the second stands when the first is undone",
    ),
    "settlement may turn into deny": (
        "reversal: a reversal takes the money back once, when the status API says so too",
        "reversal: a later payment by another attempt credits again",
        "odd_senders: a denial of the same id in other letters is another attempt's",
    ),
    "money comes after expiry": (
        "late_money: a settlement after expire credits once, and a person is told",
        "late_money: an expire that comes after its settlement takes nothing and raises the same alert",
        "late_money: one attempt expires and another one pays: nothing to tell",
    ),
    "equal or reversed times are normal": (HABITS + "test_times_that_a_notification_names_decide_nothing",),
    "settlement before pending, and any other order of arrival": (
        "attempts: settlement before pending: a later lower word changes nothing",
        "ledger/test_permutations.py::test_every_order_of_arrival_ends_as_it_really_was",
        CHAOS + "test_permutations_over_http.py::test_every_order_of_arrival_over_http_ends_as_it_really_was",
    ),
    "one card payment sends capture and, a day later, settlement": (
        "attempts: capture and then settlement of one card are one credit",
    ),
    # ---- Midtrans: amounts and refunds
    "the customer may bear the fee": (
        "fee: the fee that the customer bears is not credited",
        "fee: original and fee must make the signed amount",
        MIDTRANS_TESTS + "test_the_fee_that_the_payer_bore_is_told_beside_the_amount",
    ),
    "each refund is notified twice": (
        "refunds: each refund is notified twice and debited once",
        MIDTRANS_TESTS + "test_a_refund_notified_twice_tells_the_same_facts",
    ),
    "all of refunds[] counts, by key, and refund_amount is the sum so far": (
        "refunds: all refunds of the list are read every time, so a lost notification loses nothing",
        "refunds: a list that became shorter gives nothing back",
        "refunds: the sum so far counts where no list came",
        MIDTRANS_TESTS + "test_a_refund_is_keyed_by_its_key_or_by_its_number",
    ),
    "a refund that the shop started comes back as a notification": (
        "refunds: a refund that the shop booked itself is one fact with its notification",
        "persons: a person books a refund of one attempt under Midtrans' key",
    ),
    "capture, settlement and refunds share id, code and time": (
        "refunds: the second of two refunds adds to the first",
        MIDTRANS_TESTS + "test_an_event_is_named_by_its_word_and_refunds_are_told_apart",
    ),
    "Python reads amounts that are none": (
        "fee: an amount that no strict pattern reads is never credited",
        "fee: amounts are compared as numbers",
    ),
    # ---- Midtrans: requests that are no payment
    "the dashboard's test notification is to be answered 200": (
        "test_notifications: a test notification is ignored as a test and not parked",
        "test_notifications: an announced order with such an id is like any other",
        "test_notifications: only the beginning of the id makes a test",
    ),
    "subscriptions are not signed and belong to another address": (
        MIDTRANS_TESTS + "test_notices_for_another_address_are_refused_under_a_reason_of_their_own",
    ),
    "BI-SNAP notices come below the address and on it": (
        HABITS + "test_notices_of_other_products_are_refused_and_change_nothing",
    ),
    "account and linking notices are no payments": (
        MIDTRANS_TESTS + "test_an_account_notice_is_proved_by_its_own_fields_and_ignored",
        "attempts: another word is understood as nothing about the order",
    ),
    "GET, HEAD and empty POST reach the address": (
        DOOR + "test_other_methods_are_405_and_told_which_is_allowed",
        DOOR + "test_a_bad_body_gets_the_right_answer",
    ),
    # ---- Midtrans: delivery
    "a redirect ends delivery": (DOOR + "test_a_callback_is_kept_under_every_spelling_of_its_address",),
    "repeats come fast, by several addresses, at the same moment": (
        "odd_senders: the same event by two addresses is one effect, also where both come before the order",
        SAME_MOMENT + "test_one_callback_through_fifty_connections_and_other_programs_at_once_is_one_effect",
    ),
    "a notification may be faster than the shop": (
        "parked: what came early is decided at the announcement",
        SAME_MOMENT + "test_announcing_and_arriving_at_the_same_moment_in_two_processes_never_miss_each_other",
    ),
    "a duplicate is answered 200": (
        CHAOS + "test_kill_nine.py::test_what_was_acknowledged_is_kept_and_counts_once_whoever_is_killed_when",
    ),
    "lists of sender addresses are old, and prove nothing": (NO_GATE,),
    # ---- Midtrans: its status API
    "some methods are known by transaction alone": (
        CONFIRM + "test_a_method_that_midtrans_knows_by_transaction_alone_is_confirmed_by_it",
        CONFIRM + "test_an_attempt_of_another_order_pays_nobody_twice",
        "providers/test_status_api.py::test_an_order_that_is_unknown_there_is_asked_for_by_its_transaction",
    ),
    "the order's status may be that of another attempt": (
        "providers/test_status_api.py::test_another_attempt_of_the_order_is_asked_for_by_its_transaction",
    ),
    "404 and 407 stand in a body of HTTP 200": ("providers/test_status_api.py::test_every_answer_has_one_meaning",),
    "a genuine notification can be faster than the API": (
        "doubt: a genuine notification may be faster than the API",
        "doubt: a payment that Midtrans does not know within five minutes is rejected",
    ),
    "the API's addresses change": (
        "providers/test_outgoing.py::test_the_addresses_of_a_name_are_checked_whenever_it_is_connected",
    ),
    # ---- Digiflazz
    "a missing or foreign signature, and one of another webhook": (
        DIGIFLAZZ + "test_a_hostile_signature_proves_nothing",
        FORGED + "test_the_signature_of_one_body_proves_no_other_body",
        FORGED + "test_what_one_sender_signed_proves_nothing_at_the_address_of_another",
    ),
    "numbers beyond 32 bits and with decimals": (
        HABITS + "test_balances_that_digiflazz_tells_may_be_large_broken_or_missing",
        DIGIFLAZZ + "test_the_price_is_kept_as_cost_where_it_can_be_read",
    ),
    "sn, tele, wa and message may be null or missing": (
        HABITS + "test_what_is_not_known_yet_may_be_null_or_missing_while_pending",
    ),
    "create may be final, and the event word is no state": (
        "odd_senders: the first word may be the last one",
        "odd_senders: a serial number that comes later moves nothing",
        NO_GATE,
    ),
    "the sender's name tells nothing": (NO_GATE,),
    "words of either language in any case": (
        "purchases: words are compared without case and in both languages",
        DIGIFLAZZ + "test_every_combination_of_word_and_code_says_what_the_law_says",
    ),
    "success after failure, and failure after success": (
        "contradictions: a success after a failure moves nothing and a person is told",
        "contradictions: a failure after a success moves nothing and a person is told",
        "contradictions: the hold that was given back and spent again is not taken twice",
    ),
    "74 gives back after a success": (
        "purchases: 74 gives the money back after a success, once",
        "purchases: 74 that comes first stays the last word",
    ),
    "an unknown ref_id is parked, and never looked for by customer": (
        "purchases: a final word that came early is decided at the announcement",
        HABITS + "test_a_purchase_is_never_found_by_the_number_of_its_customer",
    ),
    "postpaid carries the ref_id of the bill inquiry": (
        HABITS + "test_a_postpaid_or_hotel_callback_is_about_the_ref_id_that_it_names",
    ),
    "tables of codes that circulate are wrong, and codes are added": (
        "odd_senders: codes that circulate under other meanings mean what Digiflazz' own table says",
        "purchases: 99 is pending, and an unknown code follows the word Pending",
        "purchases: an unknown code with Gagal is a failure, and a person is told",
        DIGIFLAZZ + "test_every_response_code_has_its_class",
    ),
    "a token stands before a name and a tariff": (
        HABITS + "test_a_token_is_kept_whole_with_the_name_and_tariff_that_stand_behind_it",
        "operate/test_orders.py::test_a_purchase_shows_hold_capture_and_serial_number",
    ),
    "message and sn are free text": (
        DIGIFLAZZ + "test_a_success_shows_its_serial_number_and_a_failure_its_code",
        "cli/test_commands.py::test_hostile_text_reaches_a_terminal_as_escapes",
    ),
    "price is what the shop pays": ("purchases: what the shop pays is not what the user pays",),
    "cb_url and the fixed webhook may both call": (
        "odd_senders: a purchase told by its own address and by the fixed one is one purchase",
        NO_GATE,  # unsigned is 401
    ),
    "other products call by unsigned GET": (HABITS + "test_notices_of_other_products_are_refused_and_change_nothing",),
    "a ping holds the webhook's secret": (DIGIFLAZZ + "test_a_ping_is_kept_without_its_secret",),
    # ---- both
    "bytes are verified as they came, under any content type, behind a byte order mark": (
        HABITS + "test_json_is_taken_under_whatever_type_it_is_sent",
        DIGIFLAZZ + "test_an_ordinary_callback_is_kept_byte_for_byte",
        MIDTRANS_TESTS + "test_what_was_verified_is_what_is_read",
    ),
    "a signature of non-ASCII bytes, and comparisons that tell how long they took": (
        "providers/test_schemes.py::test_a_hostile_signature_is_a_verdict_and_never_an_exception",
        CONSTANT_TIME + "test_no_signature_or_token_is_compared_by_an_operator",
        CONSTANT_TIME + "test_a_signature_that_is_wrong_in_its_first_byte_is_refused_as_slowly_as_in_its_last",
    ),
    "a forged body takes the key of the genuine one": (
        "doubt: a rejected forgery that is repeated is in doubt anew and does not use up the genuine one",
        "reversal: a forged deny that came first does not use up the genuine one",
        "engine/test_receive.py::test_a_wrong_signature_is_401_and_leaves_only_a_counter",
    ),
    "an empty secret": (
        "providers/test_schemes.py::test_an_empty_secret_proves_nobody",
        MIDTRANS_TESTS + "test_without_a_key_development_takes_it_unverified_and_production_is_not_configured",
        DIGIFLAZZ + "test_without_a_secret_development_takes_it_unverified_and_production_is_not_configured",
    ),
}

#: Trap → why it has nothing to spring on, and words of which none may stand in app/ (settings aside) while that is so.
ABSENT: dict[str, tuple[str, tuple[str, ...]]] = {
    "TLS beyond 1.2, ports, custom headers": (
        "TLS ends at a proxy before this server",
        ("ssl_certfile",),
    ),
    "rc 49, a time-out or a broken connection on our own purchase": ("nothing is bought", ("digiflazz_api_url",)),
    "errors of Digiflazz as HTTP 4xx with a body": ("it is not called", ("digiflazz_api_url",)),
    "more than one status request a minute, or one after 90 days": ("it is not asked", ("digiflazz_api_url",)),
    "a warning about sender addresses": ("no list of them is kept", ("103.208.23", "147.139.", "149.129.")),
}


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


@pytest.mark.parametrize("trap", TRAPS)
def test_every_proof_of_a_trap_exists(trap: str, root: Path) -> None:
    assert TRAPS[trap]
    for proof in TRAPS[trap]:
        path, _, test = proof.partition("::")
        if test:
            assert test in functions_of(root / "tests" / path), proof
        else:
            assert proof in STORIES, proof


@pytest.mark.parametrize("trap", ABSENT)
def test_a_trap_without_a_proof_still_has_nothing_to_spring_on(trap: str, root: Path) -> None:
    why, words = ABSENT[trap]
    settings = root / "app" / "core" / "config.py"
    found = [
        f"{path.relative_to(root)}: {word}"
        for path in sorted((root / "app").rglob("*.py"))
        for word in words
        if path != settings and word in path.read_text()
    ]
    assert found == [], f"no longer true: {why}"


def test_each_story_has_a_title_of_its_own() -> None:
    told = [str(story) for story in stories_in(Path(__file__).parent)]
    assert len(told) == len(set(told))
