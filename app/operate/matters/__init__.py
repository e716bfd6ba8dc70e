"""Why a callback or task became what it is, and what deserves an alert: in words, with what to do; a table each.

The words on the left are stable: the API and the tables have them. A test proves that the code uses no other ones.
"""

from app.core.language import Text
from app.operate.matters.matter import DROP, LOOK_AND_RETRY, RETRY, Matter
from app.operate.matters.of_alerts import ALERTS
from app.operate.matters.of_callbacks import CALLBACKS
from app.operate.matters.of_files import FILES
from app.operate.matters.of_reports import DIFFERENCES
from app.operate.matters.of_tasks import TASKS
from app.operate.matters.of_uploads import UPLOADS

REASONS: dict[str, Matter] = {**CALLBACKS, **FILES, **UPLOADS, **TASKS}

#: For every other word: a handler of somebody's own gives reasons of its own.
WHATEVER = Matter(Text("{word}: {detail}", "{word}: {detail}"), LOOK_AND_RETRY, (RETRY, DROP))

__all__ = ["ALERTS", "DIFFERENCES", "REASONS", "WHATEVER", "Matter"]
