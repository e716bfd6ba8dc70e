"""Every address does what OpenAPI says of it: schemathesis sends what is allowed there, and what is not.

The short form sends some ten cases a phase and path, `make chaos` a thousand.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.shop import a_shop

CASES = 1_000 if os.environ.get("CHAOS_SECONDS") else 10
TOKEN = "openapi-token"


@pytest.mark.timeout(3_000)
def test_no_address_does_what_openapi_does_not_say(root: Path, tmp_path: Path) -> None:
    with a_shop(tmp_path, CALLBACK_ADMIN_TOKEN=TOKEN) as shop:
        shop.announce([("ORDER-123", "ani", "100000.00")])
        shop.start("serve", "worker")
        shop.until_listening()
        ran = subprocess.run(  # noqa: S603 - arguments of ours
            [
                Path(sys.executable).parent / "schemathesis",
                *("--config-file", root / "tests/data/schemathesis.toml", "--no-color"),
                *("run", f"http://127.0.0.1:{shop.port}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"),
                *("--max-examples", str(CASES), "--seed", "1", "--generation-database", "none"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-6_000:] + ran.stderr[-2_000:]
        assert "Tested: " in ran.stdout
        assert shop.processes["serve"].poll() is None
        assert shop.unbalanced() == []
