"""The scenarios by provider and name, and the plan of a run."""

from app.core.errors import FieldError
from app.simulation import digiflazz, midtrans, teller
from app.simulation.catalogue import Sender
from app.simulation.plan import Plan, Secrets, Tell

SCENARIOS: dict[str, dict[str, Tell]] = {
    teller.PROVIDER: midtrans.SCENARIOS,
    digiflazz.PROVIDER: digiflazz.SCENARIOS,
}


def plan_of(sender: Sender, scenario: str, *, count: int, seed: int) -> Plan:
    """The plan of a run with a provider of the catalogue. Raises FieldError for a scenario that it cannot play."""
    scenarios = sender.scenarios()
    if scenario not in scenarios:
        raise FieldError("--scenario", f"of {sender.name} must be one of {', '.join(scenarios)}")
    return Plan(
        provider=sender.name,
        scenario=scenario,
        count=count,
        seed=seed,
        secrets=Secrets(b""),
        tell=scenarios[scenario],
        fund=None,
        kind="topup",
        run=f"{sender.name}-{scenario.replace('_', '-')}-{count}-{seed}",
        waits_for=sender.name,
    )


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
