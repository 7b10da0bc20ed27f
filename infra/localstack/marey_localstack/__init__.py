"""Plugins for LocalStack in host mode, on machines without Docker.

`executor` runs a function's `bootstrap` as a local process, `dynamodb` starts another program in place of DynamoDB
Local, `gateway` keeps the whole on the loopback interface. LocalStack finds them through the package's entry points.
They do nothing until they are asked: by `LAMBDA_RUNTIME_EXECUTOR=process`, by `DYNAMODB_BACKEND_CMD`, and by a
`GATEWAY_LISTEN` of 127.0.0.1.
"""
