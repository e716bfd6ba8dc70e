"""Where Midtrans' API is asked, by the key that asks."""

import pytest

from app.core.config import Settings


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"midtrans_server_key": "SB-Mid-server-x"}, "https://api.sandbox.midtrans.com"),
        ({"midtrans_server_key": "Mid-server-x"}, "https://api.midtrans.com"),
        ({"midtrans_server_key": "Mid-server-x,SB-Mid-server-old"}, "https://api.midtrans.com"),
        ({"midtrans_server_key": "Mid-server-x", "midtrans_api_url": "http://127.0.0.1:9/"}, "http://127.0.0.1:9"),
    ],
)
def test_the_first_key_s_prefix_chooses_the_api_unless_an_address_is_set(values: dict[str, str], address: str) -> None:
    assert Settings.model_validate(values).midtrans_api() == address


@pytest.mark.parametrize("address", ["nonsense", "ftp://midtrans.example", "https://"])
def test_an_address_that_nobody_can_ask_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="midtrans_api_url"):
        Settings.model_validate({"midtrans_api_url": address})
