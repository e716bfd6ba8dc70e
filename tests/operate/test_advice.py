from app.operate.advice import reason_advice, reason_text


def test_what_a_sender_wrote_is_quoted_in_commands() -> None:
    _, commands = reason_advice("fields_disagree", {"order_id": "x; rm -rf ~", "dead_id": 7}, "en")
    assert commands[0] == "callbacks transactions show 'x; rm -rf ~'"
    assert commands[-1].startswith("callbacks dead drop 7 ")


def test_a_reason_of_somebody_s_own_handler_is_shown_as_it_is() -> None:
    assert reason_text("out_of_stock", {"item": "xld10"}, "en") == "out_of_stock: item 'xld10'"
