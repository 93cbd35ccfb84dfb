"""An app for Celery: each task makes one call. Its broker is a folder."""

import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_process_shutdown

import llm_observer
from integration.apps.calling import call

FOLDER = Path(os.environ["BROKER"])
QUEUE, CONTROL, RESULTS = (str(FOLDER / name) for name in ("queue", "control", "results"))

llm_observer.patch()
app = Celery("app", broker="filesystem://", backend=f"file://{RESULTS}")
app.conf.broker_transport_options = {
    "data_folder_in": QUEUE,  # the same folder for whoever sends and whoever takes
    "data_folder_out": QUEUE,
    "control_folder": CONTROL,
}


@worker_process_shutdown.connect
def deliver(**_):
    """A worker of the pool ends without Python's exit functions."""
    llm_observer.flush()


@app.task
def work(number):
    return call(number)


def work_all(calls):
    FOLDER.mkdir()
    for folder in (QUEUE, CONTROL, RESULTS):
        Path(folder).mkdir()
    for result in [work.delay(number) for number in range(calls)]:
        result.get(timeout=60)
