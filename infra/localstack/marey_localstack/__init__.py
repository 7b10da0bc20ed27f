"""Plugins for LocalStack in host mode, on machines without Docker.

`executor` runs a function's `bootstrap` as a local process, `dynamodb` starts another program in place of DynamoDB
Local. Both are found through the package's entry points and do nothing until their environment variables are set:
`LAMBDA_RUNTIME_EXECUTOR=process` and `DYNAMODB_BACKEND_CMD`.
"""
