"""How it looks outside whether callbacks can be taken."""

from app.operate.shown import Shown


class CheckShown(Shown):
    """One thing that was looked at."""

    ok: bool
    told: str


class ReadinessShown(Shown):
    """Whether callbacks can be taken: what is not `needed` is told, but does not make it unready."""

    success: bool
    checks: dict[str, CheckShown]
