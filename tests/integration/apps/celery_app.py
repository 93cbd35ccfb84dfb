"""An app for Celery: each task makes one call. Its broker is a folder."""

import os
from pathlib import Path

from celery import Celery

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


@app.task
def work(number):
    return call(number)


def work_all(calls):
    FOLDER.mkdir()
    for folder in (QUEUE, CONTROL, RESULTS):
        Path(folder).mkdir()
    for result in [work.delay(number) for number in range(calls)]:
        result.get(timeout=60)
