"""The scenarios by provider and name, and the plan of a run."""

from app.core.errors import FieldError
from app.simulation import digiflazz, midtrans, teller
from app.simulation.plan import Plan, Secrets, Tell

SCENARIOS: dict[str, dict[str, Tell]] = {
    teller.PROVIDER: midtrans.SCENARIOS,
    digiflazz.PROVIDER: digiflazz.SCENARIOS,
}


def plan(provider: str, scenario: str, *, count: int, seed: int, secrets: Secrets, run: str = "") -> Plan:
    """The plan of a run. Raises FieldError for names that there are not."""
    scenarios = SCENARIOS.get(provider)
    if scenarios is None:
        raise FieldError("PROVIDER", f"must be one of {', '.join(SCENARIOS)}")
    if scenario not in scenarios:
        raise FieldError("--scenario", f"must be one of {', '.join(scenarios)}")
    buys = provider == digiflazz.PROVIDER
    return Plan(
        provider=provider,
        scenario=scenario,
        count=count,
        seed=seed,
        secrets=secrets,
        tell=scenarios[scenario],
        fund=midtrans.paid_in if buys else None,
        kind="ppob" if buys else "topup",
        run=run,
    )
