"""How does a test see what was exported? With an OTLP collector here, decoded by the official protos."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from integration.loopback import Answer, Loopback

REQUESTS = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}
ACCEPTED = Answer(200, (("content-type", "application/x-protobuf"),), (b"",), "length")


class Received:
    """What came in, by signal."""

    def __init__(self):
        self.requests = []

    def _of(self, kind):
        return [request for request in self.requests if isinstance(request, kind)]

    @property
    def resource_spans(self):
        return [one for request in self._of(REQUESTS["/v1/traces"]) for one in request.resource_spans]

    @property
    def spans(self):
        return [span for one in self.resource_spans for scope in one.scope_spans for span in scope.spans]

    @property
    def logs(self):
        return [
            record
            for request in self._of(REQUESTS["/v1/logs"])
            for one in request.resource_logs
            for scope in one.scope_logs
            for record in scope.log_records
        ]

    @property
    def metrics(self):
        """Metrics by name, as they were last sent."""
        return {
            metric.name: metric
            for request in self._of(REQUESTS["/v1/metrics"])
            for one in request.resource_metrics
            for scope in one.scope_metrics
            for metric in scope.metrics
        }


class HttpCollector(Received):
    """An OTLP/HTTP receiver, for `with`."""

    def __init__(self):
        super().__init__()
        self._loopback = Loopback(self._take)

    def _take(self, received):
        headers = {name.lower(): value for name, value in received.headers}
        body = gzip.decompress(received.body) if headers.get("content-encoding") == "gzip" else received.body
        self.headers = headers
        self.requests.append(REQUESTS[received.path].FromString(body))
        return ACCEPTED

    def __enter__(self):
        self.url = self._loopback.__enter__().url
        return self

    def __exit__(self, *exc):
        self._loopback.__exit__(*exc)


class GrpcCollector(Received):
    """An OTLP/gRPC receiver, for `with`."""

    def Export(self, request, context):  # noqa: N802 - the name of the service's method
        self.requests.append(request)
        return self._answers[type(request)]()

    _answers = {  # noqa: RUF012 - never written
        trace_service_pb2.ExportTraceServiceRequest: trace_service_pb2.ExportTraceServiceResponse,
        metrics_service_pb2.ExportMetricsServiceRequest: metrics_service_pb2.ExportMetricsServiceResponse,
        logs_service_pb2.ExportLogsServiceRequest: logs_service_pb2.ExportLogsServiceResponse,
    }

    def __enter__(self):
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(self, self._server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(self, self._server)
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(self, *exc):
        self._server.stop(None).wait()


def value_of(value):
    """A protobuf value as a Python one."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    return getattr(value, kind)


def attributes_of(owner):
    """The attributes of a span, a record, a resource or a point."""
    return {pair.key: value_of(pair.value) for pair in owner.attributes}
