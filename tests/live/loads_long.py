"""An application that is told to end while it loads: for `test_gunicorn.py`."""

import os
import time

os.kill(os.getppid(), int(os.environ["TEST_SIGNAL"]))
time.sleep(1)  # the signal comes back from gunicorn's first process

from wsgi import app as app  # noqa: E402
