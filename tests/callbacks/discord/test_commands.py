import json

from app.callbacks.discord.commands import COMMANDS, as_json, is_ours


def test_commands_stay_within_what_discord_takes() -> None:
    for command in COMMANDS:
        told = as_json(command)
        assert told["name"] == told["name"].lower()
        assert 1 <= len(told["name"]) <= 32
        for described in (told, *told["options"]):
            assert 1 <= len(described["description"]) <= 100
            assert set(described["description_localizations"]) == {"id", "en-US"}
        assert json.dumps(told)


def test_the_specifications_commands_are_there_with_their_arguments() -> None:
    told = {command.name: [option.name for option in command.options] for command in COMMANDS}
    assert told["saldo"] == []
    assert told["status"] == ["order_id"]
    assert told["topup"] == ["amount"]


def test_a_button_of_the_applications_own_is_not_ours() -> None:
    assert is_ours("topup:50000")
    assert is_ours("link")
    assert is_ours("link-account")
    assert not is_ours("linker")
    assert not is_ours("accept")
