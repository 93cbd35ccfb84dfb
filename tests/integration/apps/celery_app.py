"""A Celery app whose broker is a folder: `python celery_app.py N` queues N tasks."""

import os
import sys

from celery import Celery
from celery.signals import worker_process_shutdown

import llm_observer
from integration.apps.calling import call

llm_observer.patch()
FOLDER = os.environ["BROKER"]
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": FOLDER,
    "data_folder_out": FOLDER,
    "control_folder": f"{FOLDER}/control",
    "store_processed": False,
}
app.conf.worker_prefetch_multiplier = 1
app.conf.task_ignore_result = True


@app.task
def work(number):
    call(number)


@worker_process_shutdown.connect
def finish(**_):
    """A worker of the pool ends without Python's exit functions."""
    llm_observer.flush()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        work.delay(number)
