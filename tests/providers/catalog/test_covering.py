"""What money rests on and a proof does not cover: found in every file, and refused where the file does not say so."""

import pytest

from app.core.errors import CatalogRefused
from app.providers.catalog import Catalog, read_provider
from app.providers.catalog.covering import left_open
from app.providers.catalog.model import Provider

CATALOG = Catalog(installed=False)
PAYS = tuple(name for name in CATALOG.names() if CATALOG.get(name).payment is not None)

FILE = """
title = "Warung"
group = "Yours"
confirmed = "yours"

[secret]
variable = "WARUNG_SECRET"

[scheme]
{scheme}

[payment]
order_id = "{{order}}"
attempt = "{{pay.id}}"
amount = "pay.total"
says = [{{ when = {{ state = "PAID" }}, word = "paid" }}]
{unproved}
"""
HMAC = 'kind = "hmac"\nalgorithm = "sha256"\nfrom = "header:X-Sign"\nsigned = '
JWT = 'kind = "jwt"\nalgorithm = "HS256"\nfrom = "header:X-Sign"\nmust = {{ "claim:is" = "{}" }}'


def warung(scheme: str, unproved: str = "anything") -> Provider:
    return read_provider(FILE.format(scheme=scheme, unproved=f'unproved = "{unproved}"' if unproved else ""), "w.toml")


def names(provider: Provider) -> set[str]:
    return {where.name for _, where in left_open(provider)}


@pytest.mark.parametrize(
    ("scheme", "left"),
    [
        (HMAC + '"{body}"', set()),
        (HMAC + '"{timestamp}.{sha256hex(compact(body))}"', set()),
        (HMAC + '"{fields}"', set()),
        (HMAC + '"{fields}"\nrewrite = { drop = ["pay"] }', {"pay.id", "pay.total"}),
        (HMAC + '"{order}{pay.total}"', {"pay.id", "state"}),
        (HMAC + '"{order}{pay}{state}"', set()),
        (HMAC + '["{body}", "{order}"]', {"pay.id", "pay.total", "state"}),
        (HMAC + '"{path}"', {"order", "pay.id", "pay.total", "state"}),
        (HMAC + '"{order}"\nmust = { "header:X-Body" = "{sha256hex(body)}" }', set()),
        ('kind = "token"\nfrom = "header:X-Token"', set()),
        (JWT.format("{sha256hex(body)}"), set()),
        (JWT.format("shop"), {"order", "pay.id", "pay.total", "state"}),
    ],
    ids=lambda told: told.rpartition("signed = ")[2] if isinstance(told, str) else "",
)
def test_what_a_proof_leaves_open_is_what_somebody_could_change_and_still_be_proved(
    scheme: str, left: set[str]
) -> None:
    assert names(warung(scheme)) == left
    if left:
        with pytest.raises(CatalogRefused, match="which is not signed"):
            warung(scheme, unproved="")
    else:
        warung(scheme, unproved="")


@pytest.mark.parametrize("name", PAYS)
def test_every_file_of_ours_says_what_its_proof_leaves_open(name: str) -> None:
    provider = CATALOG.get(name)
    assert provider.payment is not None
    if names(provider):
        assert provider.payment.unproved
