"""One structured logger for all handlers; its service name and level come from the function's environment.

Import time, measured in November 2026 on 2 cores: Logger 5 ms beside boto3, Powertools' Tracer 257 ms. So there is no
Tracer: the functions' active tracing already gives X-Ray a segment for every state.
"""

from aws_lambda_powertools import Logger

logger = Logger()
