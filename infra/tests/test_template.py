"""What a linter can't know about the template: relations between resources, and the limits of every role.

    python -m unittest discover -s infra/tests

with the Python of an environment made from infra/local/requirements-ministack.txt.
"""

import json
import os
import re
import tomllib
import unittest
from collections.abc import Iterator
from pathlib import Path

from cfnlint.decode import cfn_yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
CONTAINERS = TEMPLATE.with_name("gpu.yaml")
DOCKERFILE = TEMPLATE.with_name("Dockerfile.worker")
ROOT = TEMPLATE.parents[1]
STAGES = ("Probe", "Pose", "Biomechanics", "Visualize", "Report")
# Whoever plans: sends tasks, and ends jobs.
CONDUCTORS = ("Intake", *STAGES, "Deadletter", "Sweep", "Api")
FUNCTIONS = (*CONDUCTORS, "Events", "Webhook")
# Queues that no function reads: people do, and the API when it redrives.
RESTING = {"ParkedQueue", "WebhookDeadLetterQueue", "EventsDeadLetterQueue", "BatchFailuresDeadLetterQueue"}
# The right that a call of the SDK needs.
RIGHTS = {
    "get_item": "dynamodb:GetItem",
    "query": "dynamodb:Query",
    "scan": "dynamodb:Scan",
    "put_item": "dynamodb:PutItem",
    "transact_write_items": "dynamodb:PutItem",
    "delete_item": "dynamodb:DeleteItem",
    "batch_write_item": "dynamodb:BatchWriteItem",
    "head_object": "s3:GetObject",
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "copy_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "list_object_versions": "s3:ListBucketVersions",
    "send_message": "sqs:SendMessage",
    "send_message_batch": "sqs:SendMessage",
    "receive_message": "sqs:ReceiveMessage",
    "delete_message": "sqs:DeleteMessage",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "submit_job": "batch:SubmitJob",
    "list_jobs": "batch:ListJobs",
    "describe_jobs": "batch:DescribeJobs",
    "terminate_job": "batch:TerminateJob",
    "put_events": "events:PutEvents",
    "publish": "sns:Publish",
}
# What AWS does not let one narrow to a resource (Service Authorization Reference, AWS Batch and AWS Lambda).
NOT_NARROWED = {"batch:ListJobs", "batch:DescribeJobs", "lambda:ListEventSourceMappings"}


def load(path: Path = TEMPLATE) -> dict:
    """A template with its loops over stages and functions carried out."""
    template = cfn_yaml.load(str(path))
    resources = {}
    for name, resource in template["Resources"].items():
        if not name.startswith("Fn::ForEach::"):
            resources[name] = resource
            continue
        variable, values, body = resource
        for value in values:
            for logical_id, looped in body.items():
                resources[logical_id.replace(f"${{{variable}}}", value)] = filled(looped, variable, value)
    return {**template, "Resources": resources}


def filled(node: object, variable: str, value: str) -> object:
    """A copy with the loop's variable replaced."""
    if isinstance(node, dict):
        if node == {"Ref": variable}:
            return value
        return {key: filled(inner, variable, value) for key, inner in node.items()}
    if isinstance(node, list):
        return [filled(inner, variable, value) for inner in node]
    return node.replace(f"${{{variable}}}", value) if isinstance(node, str) else node


def unconditional(node: object) -> object:
    """A copy in which every condition holds and what is then left out is gone."""
    if isinstance(node, dict):
        if set(node) == {"Fn::If"}:
            return unconditional(node["Fn::If"][1])
        return {key: unconditional(inner) for key, inner in node.items() if not is_nothing(unconditional(inner))}
    if isinstance(node, list):
        return [kept for kept in map(unconditional, node) if not is_nothing(kept)]
    return node


def is_nothing(node: object) -> bool:
    """Whether this stands for nothing at all."""
    return node == {"Ref": "AWS::NoValue"}


def nodes(node: object) -> Iterator[object]:
    """A node and everything in it."""
    yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def matches(record: object, pattern: dict) -> bool:
    """Whether an event filter's pattern, of the operators that are used here, lets a record through."""
    for key, wanted in pattern.items():
        if not isinstance(record, dict) or key not in record:
            return False
        found = record[key]
        if isinstance(wanted, dict):
            if not matches(found, wanted):
                return False
        elif not any(fits(found, one) for one in wanted):
            return False
    return True


def fits(found: str, wanted: object) -> bool:
    """Whether a leaf is what one entry of a pattern's list asks for."""
    if isinstance(wanted, str):
        return found == wanted
    if "prefix" in wanted:
        return found.startswith(wanted["prefix"])
    return found not in wanted["anything-but"]


def get_att(value: object) -> str:
    """`Queue.Arn` of an intrinsic function that says so in either notation."""
    attribute = value["Fn::GetAtt"]
    return attribute if isinstance(attribute, str) else ".".join(text(part) for part in attribute)


def text(value: object) -> str:
    """A name, also when a loop has put it together."""
    return value if isinstance(value, str) else value["Fn::Sub"]


class TemplateTest(unittest.TestCase):
    def setUp(self) -> None:
        self.template = load()
        self.resources = self.template["Resources"]
        self.mappings = self.template["Mappings"]

    def of_type(self, resource_type: str) -> dict:
        """Properties of all resources of a type, by logical id."""
        return {
            name: resource["Properties"] for name, resource in self.resources.items() if resource["Type"] == resource_type
        }

    def statements(self, function: str) -> list[dict]:
        """What the role of a function allows."""
        (policy,) = self.resources[f"{function}Role"]["Properties"]["Policies"]
        return unconditional(policy["PolicyDocument"]["Statement"])

    def allowed(self, function: str, action: str) -> list:
        """The resources on which a function may do something."""
        found = []
        for statement in self.statements(function):
            if action in statement["Action"]:
                resource = statement["Resource"]
                found.extend(resource if isinstance(resource, list) else [resource])
        return found

    def sources(self, event_type: str) -> list[tuple[str, dict]]:
        """Every event source of a type, with the function that it feeds: those of SAM and the mappings beside it."""
        found = [
            (function, event["Properties"])
            for function in FUNCTIONS
            for event in self.resources[f"{function}Function"]["Properties"].get("Events", {}).values()
            if event["Type"] == event_type
        ]
        if event_type == "SQS":
            for mapping in self.of_type("AWS::Lambda::EventSourceMapping").values():
                properties = {**mapping, "Queue": mapping["EventSourceArn"]}
                found.append((mapping["FunctionName"]["Ref"].removesuffix("Function"), properties))
        return found

    def test_reserved_concurrency_covers_both_priorities(self) -> None:
        for name, scale in self.mappings["Scales"].items():
            self.assertEqual(scale["Reserved"], scale["Standard"] + scale["Express"], name)
            self.assertGreaterEqual(scale["Express"], 2, f"{name}: SQS mappings start at two")

    def test_a_message_stays_hidden_while_its_function_may_run(self) -> None:
        for function, event in self.sources("SQS"):
            timeout = self.mappings["Functions"][function]["Timeout"]
            queue = get_att(event["Queue"]).removesuffix(".Arn")
            visibility = self.resources[queue]["Properties"]["VisibilityTimeout"]
            if isinstance(visibility, dict):
                visibility = self.mappings["Functions"][visibility["Fn::FindInMap"][1]]["Visibility"]
            self.assertGreater(visibility, timeout, queue)
            self.assertGreaterEqual(visibility, 6 * timeout if event["BatchSize"] > 1 else timeout + 60, queue)

    def test_every_event_source_reports_failures_by_message(self) -> None:
        for function, event in self.sources("SQS") + self.sources("DynamoDB"):
            self.assertEqual(event["FunctionResponseTypes"], ["ReportBatchItemFailures"], function)

    def test_every_queue_is_read_by_one_function_except_those_at_rest(self) -> None:
        read = [get_att(event["Queue"]).removesuffix(".Arn") for _, event in self.sources("SQS")]
        self.assertEqual(len(read), len(set(read)))
        self.assertEqual(set(read), set(self.of_type("AWS::SQS::Queue")) - RESTING)

    def test_whoever_reads_a_queue_may(self) -> None:
        for function, event in self.sources("SQS"):
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"):
                self.assertIn(event["Queue"], self.allowed(function, f"sqs:{action}"), f"{function}: {action}")

    def test_no_message_is_lost_or_open_to_read(self) -> None:
        policies = self.of_type("AWS::SQS::QueuePolicy").values()
        covered = {queue["Ref"] for policy in policies for queue in unconditional(policy["Queues"])}
        queues = self.of_type("AWS::SQS::Queue")
        self.assertEqual(covered, set(queues))
        for policy in policies:
            denials = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
            self.assertEqual([s["Condition"] for s in denials], [{"Bool": {"aws:SecureTransport": "false"}}])
        for name, queue in queues.items():
            self.assertEqual(queue["MessageRetentionPeriod"], 14 * 24 * 3600, name)
            self.assertIs(queue["SqsManagedSseEnabled"], True, name)
            if name not in RESTING and not name.endswith("DeadLetterQueue"):
                # A task that fails five times is never going to succeed. A receiver of webhooks may be away for hours, and
                # an attempt of a failed Batch job may be alive for a while.
                receives = {"WebhookQueue": 12, "BatchFailuresQueue": 10}.get(name, 5)
                self.assertEqual(queue["RedrivePolicy"]["maxReceiveCount"], receives, name)
                source = name.removesuffix("Queue").removesuffix("Express")
                self.assertEqual(get_att(queue["RedrivePolicy"]["deadLetterTargetArn"]), f"{source}DeadLetterQueue.Arn")
                self.assertEqual(
                    self.resources[f"{source}DeadLetterQueue"].get("Condition"), self.resources[name].get("Condition"), name
                )

    def test_a_dead_letter_queue_is_called_like_its_queue(self) -> None:
        for name, queue in self.of_type("AWS::SQS::Queue").items():
            if name.endswith("DeadLetterQueue"):
                source = re.sub("(?<!^)(?=[A-Z])", "-", name.removesuffix("DeadLetterQueue")).lower()
                self.assertEqual(queue["QueueName"]["Fn::Sub"], f"${{AWS::StackName}}-{source}-dead-letter")

    def test_a_dead_letter_queue_admits_just_the_queues_that_redrive_to_it(self) -> None:
        queues = self.of_type("AWS::SQS::Queue")
        for name, queue in queues.items():
            if not name.endswith("DeadLetterQueue"):
                continue
            if queue["RedriveAllowPolicy"]["redrivePermission"] == "denyAll":
                self.assertEqual(name, "EventsDeadLetterQueue", "Lambda writes there, no queue redrives to it")
                continue
            arns = queue["RedriveAllowPolicy"]["sourceQueueArns"]
            admitted = {arn["Fn::Sub"].partition("${AWS::AccountId}:")[2] for arn in arns}
            sources = {
                source["QueueName"]["Fn::Sub"]
                for source in queues.values()
                if "RedrivePolicy" in source and get_att(source["RedrivePolicy"]["deadLetterTargetArn"]) == f"{name}.Arn"
            }
            self.assertEqual(admitted, sources, name)

    def test_whoever_plans_may_send_to_every_stage(self) -> None:
        # Whoever finishes last dispatches what is left, wherever in the graph it is: a branch beside its own, a shard that
        # a retry put back.
        every_stage = {f"{stage}{queue}.Arn" for stage in STAGES for queue in ("Queue", "ExpressQueue")}
        more = {
            "Deadletter": {"ParkedQueue.Arn"},
            "Api": {"IntakeQueue.Arn", "WebhookQueue.Arn", "BatchFailuresQueue.Arn"},
        }
        for function in CONDUCTORS:
            sent = {get_att(arn) for arn in self.allowed(function, "sqs:SendMessage")}
            self.assertEqual(sent, every_stage | more.get(function, set()), function)
        told = {get_att(arn) for arn in self.allowed("Events", "sqs:SendMessage")}
        self.assertEqual(told, {"WebhookQueue.Arn", "ParkedQueue.Arn", "EventsDeadLetterQueue.Arn"})
        self.assertEqual(self.allowed("Webhook", "sqs:SendMessage"), [])

    def test_what_rests_is_taken_by_the_api_alone(self) -> None:
        taken = {get_att(arn) for arn in self.allowed("Api", "sqs:DeleteMessage")}
        self.assertEqual(taken, {f"{queue}.Arn" for queue in RESTING - {"EventsDeadLetterQueue"}})
        queues = (ROOT / "shared/cloud/src/queues.rs").read_text()
        self.assertIn('RESTING: [&str; 2] = ["webhook", "batch-failures"]', queues)
        sent = {get_att(arn).removesuffix(".Arn") for arn in self.allowed("Api", "sqs:SendMessage")}
        self.assertLessEqual({"IntakeQueue", "WebhookQueue", "BatchFailuresQueue"}, sent)

    def test_the_api_measures_every_queue_that_work_waits_in(self) -> None:
        measured = {get_att(arn).removesuffix(".Arn") for arn in self.allowed("Api", "sqs:GetQueueAttributes")}
        of_stages = {f"{stage}{queue}" for stage in STAGES for queue in ("Queue", "ExpressQueue", "DeadLetterQueue")}
        by_sweep = {get_att(arn).removesuffix(".Arn") for arn in self.allowed("Sweep", "sqs:GetQueueAttributes")}
        self.assertEqual(by_sweep, of_stages | {"ParkedQueue"})
        self.assertEqual(measured, set(self.of_type("AWS::SQS::Queue")) - {"EventsDeadLetterQueue"})

    def test_no_role_allows_more_than_it_names(self) -> None:
        for function in FUNCTIONS:
            for statement in self.statements(function):
                actions, resource = statement["Action"], statement["Resource"]
                self.assertFalse([action for action in actions if "*" in action], function)
                if "*" in (resource if isinstance(resource, list) else [resource]):
                    self.assertLessEqual(set(actions), NOT_NARROWED, function)

    def test_every_function_has_a_role_and_a_log_of_its_own(self) -> None:
        made = {name.removesuffix("Function") for name in self.of_type("AWS::Serverless::Function")}
        self.assertEqual(made, set(FUNCTIONS))
        for function in FUNCTIONS:
            properties = self.resources[f"{function}Function"]["Properties"]
            self.assertEqual(properties["Role"], {"Fn::GetAtt": [f"{function}Role", "Arn"]}, function)
            self.assertEqual(properties["LoggingConfig"]["LogGroup"], {"Ref": f"{function}Logs"}, function)
            self.assertEqual(self.allowed(function, "logs:PutLogEvents"), [{"Fn::GetAtt": [f"{function}Logs", "Arn"]}])
            self.assertTrue((ROOT / "functions" / function.lower() / "Cargo.toml").is_file(), function)

    def test_stages_write_their_own_artifacts_only(self) -> None:
        for stage in STAGES:
            written = {arn["Fn::Sub"] for arn in self.allowed(stage, "s3:PutObject")}
            own = f"${{ArtifactsBucket.Arn}}/artifacts/*/{stage.lower()}/*"
            self.assertEqual(written, {own, "${ArtifactsBucket.Arn}/artifacts/*/manifest.json"})

    def test_whoever_may_end_a_job_may_write_its_manifest(self) -> None:
        for function in set(CONDUCTORS) - {"Intake"}:
            written = {arn["Fn::Sub"] for arn in self.allowed(function, "s3:PutObject")}
            self.assertIn("${ArtifactsBucket.Arn}/artifacts/*/manifest.json", written, function)

    def test_every_function_may_make_the_calls_of_the_table_that_it_makes_and_no_other(self) -> None:
        expected = {
            **{function: {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"} for function in CONDUCTORS},
            # It purges.
            "Api": {f"dynamodb:{call}" for call in ("GetItem", "Query", "PutItem", "DeleteItem", "BatchWriteItem", "Scan")},
            "Events": {"dynamodb:GetItem", "dynamodb:Query"},
            "Webhook": set(),
        }
        stream = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
        for function, wanted in expected.items():
            calls = {action for s in self.statements(function) for action in s["Action"] if action.startswith("dynamodb:")}
            self.assertEqual(calls, wanted | (stream if function == "Events" else set()), function)
        for index, functions in {"by-owner": ("Api",), "by-watch": ("Api", "Sweep")}.items():
            for function in functions:
                self.assertIn({"Fn::Sub": f"${{JobsTable.Arn}}/index/{index}"}, self.allowed(function, "dynamodb:Query"))

    def test_every_call_that_the_code_makes_is_allowed_to_somebody(self) -> None:
        allowed = {action for function in FUNCTIONS for s in self.statements(function) for action in s["Action"]}
        code = "".join(path.read_text() for path in (ROOT / "shared/cloud/src/aws").rglob("*.rs"))
        made = set(re.findall(r"client\s*\.(\w+)\(\)", code)) - {"config"}
        self.assertGreater(len(made), 15)
        for call in made:
            self.assertIn(RIGHTS[call], allowed, f"who may {call}?")

    def test_only_those_that_clean_up_may_delete(self) -> None:
        deleting = {f for f in FUNCTIONS if self.allowed(f, "s3:DeleteObject") or self.allowed(f, "s3:DeleteObjectVersion")}
        self.assertEqual(deleting, {"Sweep", "Api"})
        for function in deleting:
            self.assertEqual(self.allowed(function, "s3:DeleteObject"), [{"Fn::Sub": "${ArtifactsBucket.Arn}/artifacts/*"}])

    def test_the_api_sets_the_concurrency_of_stages_alone(self) -> None:
        arns = self.allowed("Api", "lambda:UpdateEventSourceMapping")
        mappings = {arn["Fn::Sub"].partition(":event-source-mapping:")[2] for arn in arns}
        self.assertEqual(mappings, {f"${{{stage}FunctionStandard}}" for stage in STAGES})

    def test_the_sweep_runs_every_minute_and_ends_within_it(self) -> None:
        ((function, schedule),) = self.sources("Schedule")
        self.assertEqual((function, schedule["Schedule"], schedule["State"]), ("Sweep", "rate(1 minute)", "ENABLED"))
        self.assertLess(self.mappings["Functions"]["Sweep"]["Timeout"], 60)

    def test_the_stream_tells_changes_of_jobs_and_shards_and_loses_none(self) -> None:
        self.assertEqual(
            unconditional(self.resources["JobsTable"]["Properties"]["StreamSpecification"]),
            {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        ((function, stream),) = self.sources("DynamoDB")
        self.assertEqual(function, "Events")
        self.assertEqual(stream["StartingPosition"], "TRIM_HORIZON")
        self.assertIs(stream["BisectBatchOnFunctionError"], True)
        # A stream keeps a change for a day, and there is no reason to give up sooner.
        self.assertEqual((stream["MaximumRetryAttempts"], stream["MaximumRecordAgeInSeconds"]), (-1, 24 * 3600))
        self.assertEqual(get_att(stream["DestinationConfig"]["OnFailure"]["Destination"]), "EventsDeadLetterQueue.Arn")

    def test_the_stream_leaves_heartbeats_out_and_nothing_else_of_a_job(self) -> None:
        ((_, stream),) = self.sources("DynamoDB")
        patterns = [json.loads(entry["Pattern"]) for entry in stream["FilterCriteria"]["Filters"]]

        def passes(sort_key: str, state: str, beats: int, partition: str = "JOB#1", name: str = "MODIFY") -> bool:
            row = {"state": {"M": {"status": {"S": state}}}, "beats": {"N": str(beats)}}
            keys = {"PK": {"S": partition}, "SK": {"S": sort_key}}
            record = {"eventName": name, "dynamodb": {"Keys": keys, "NewImage": {"data": {"M": row}}}}
            return any(matches(record, pattern) for pattern in patterns)

        for state in ("queued", "held", "completed", "failed", "cancelled"):
            for beats in (0, 7):
                self.assertTrue(passes("SHARD#pose#0000", state, beats), state)
        self.assertTrue(passes("SHARD#pose#0000", "running", 0), "an attempt begins")
        self.assertFalse(passes("SHARD#pose#0000", "running", 1), "a heartbeat")
        self.assertTrue(passes("JOB", "running", 0))
        self.assertFalse(passes("STAGE#pose", "running", 0))
        self.assertFalse(passes("worker", "running", 0, partition="PULSE#pose"))
        self.assertFalse(passes("JOB", "completed", 0, name="REMOVE"), "a row that expired")
        # The words above are those of the row.
        row = (ROOT / "shared/engine/src/shard.rs").read_text()
        self.assertTrue('#[serde(tag = "status", rename_all = "snake_case")]\npub enum ShardState' in row)
        self.assertTrue("\n    pub beats: u32" in row and "\n    Running {" in row)

    def test_the_webhook_secret_is_shown_nowhere(self) -> None:
        for name in ("WebhookSecret", "AdminKeySha256"):
            self.assertIs(self.template["Parameters"][name]["NoEcho"], True)
        where = [name for name, resource in self.resources.items() if {"Ref": "WebhookSecret"} in nodes(resource)]
        self.assertEqual(where, ["WebhookFunction"])
        self.assertNotIn({"Ref": "WebhookSecret"}, list(nodes(self.template["Outputs"])))
        function = self.resources["WebhookFunction"]
        self.assertEqual(get_att(function["Properties"]["KmsKeyArn"]), "WebhookKey.Arn")
        self.assertEqual(self.allowed("Webhook", "kms:Decrypt"), [{"Fn::GetAtt": ["WebhookKey", "Arn"]}])
        self.assertEqual(self.template["Parameters"]["WebhookLoopback"]["Default"], "false")

    def test_the_environment_fits_into_what_lambda_allows(self) -> None:
        everywhere = self.template["Globals"]["Function"]["Environment"]["Variables"]
        for function in FUNCTIONS:
            own = self.resources[f"{function}Function"]["Properties"].get("Environment", {}).get("Variables", {})
            size = sum(len(name) + self.length(value) for name, value in {**everywhere, **own}.items())
            self.assertLess(size, 4096, function)

    def test_every_setting_is_read_by_somebody(self) -> None:
        read = "".join(
            path.read_text() for folder in ("functions", "shared") for path in (ROOT / folder).rglob("src/**/*.rs")
        )
        everywhere = self.template["Globals"]["Function"]["Environment"]["Variables"]
        own = [self.resources[f"{f}Function"]["Properties"].get("Environment", {}).get("Variables", {}) for f in FUNCTIONS]
        queues = {f"MAREY_QUEUE_{stage.upper()}{ending}" for stage in STAGES for ending in ("", "_EXPRESS")}
        for name in {name for variables in (everywhere, *own) for name in variables} - queues:
            self.assertTrue(f'"{name}"' in read, f"nobody reads {name}")

    def length(self, value: object) -> int:
        """How long a setting is at most, for a stack whose name has forty characters."""
        value = unconditional(value)
        if isinstance(value, str):
            return len(value)
        if "Fn::Sub" in value:
            return len(value["Fn::Sub"].replace("${AWS::StackName}", 40 * "x").replace("${ToolsRoot}", "/opt"))
        name = value["Ref"]
        if name in self.template["Parameters"]:
            return max(len(str(self.template["Parameters"][name].get("Default", ""))), 64)
        kind = self.resources.get(name, {}).get("Type", "")
        if kind == "AWS::SQS::Queue":
            return len("https://sqs.ap-southeast-2.amazonaws.com/123456789012/") + 40 + 30
        # Names that CloudFormation makes, ARNs, and the 36 characters of a mapping's id.
        return {"AWS::DynamoDB::Table": 64, "AWS::S3::Bucket": 24, "AWS::SNS::Topic": 110}.get(kind, 60)

    def test_every_route_of_the_api_is_routed(self) -> None:
        described = json.loads((ROOT / "functions/api/openapi.json").read_text())
        routes = {f"{method.upper()} {path}" for path, item in described["paths"].items() for method in item}
        keys = self.mappings["RouteKeys"]
        made = {keys[route["RouteKey"]["Fn::FindInMap"][1]]["Key"] for route in self.of_type("AWS::ApiGatewayV2::Route").values()}
        self.assertEqual(made, routes)

    def test_an_attempt_ends_before_its_function_does(self) -> None:
        for path in (ROOT / "shared/engine/workflows").glob("*.toml"):
            for stage in tomllib.loads(path.read_text())["stage"]:
                if stage.get("runs_on") == "batch":
                    continue
                timeout = self.mappings["Functions"][stage["name"].capitalize()]["Timeout"]
                self.assertLessEqual(stage["timeout_s"] + 10, timeout, f"{path.name}: {stage['name']}")

    def test_every_stage_of_every_workflow_has_its_function(self) -> None:
        named = {
            stage["name"].capitalize()
            for path in (ROOT / "shared/engine/workflows").glob("*.toml")
            for stage in tomllib.loads(path.read_text())["stage"]
        }
        self.assertEqual(named, set(STAGES))
        for stage in STAGES:
            self.assertEqual(self.mappings["Functions"][stage]["Stage"], stage.lower())

    def test_buckets_are_private_encrypted_and_versioned(self) -> None:
        for name, bucket in self.of_type("AWS::S3::Bucket").items():
            self.assertTrue(all(bucket["PublicAccessBlockConfiguration"].values()), name)
            self.assertEqual(len(bucket["PublicAccessBlockConfiguration"]), 4, name)
            self.assertIn("BucketEncryption", bucket)
            self.assertEqual(bucket["VersioningConfiguration"]["Status"], "Enabled")
            (statement,) = self.resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Action"]), ("Deny", "s3:*"), name)
            self.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}}, name)

    def test_every_route_asks_for_a_signature_unless_the_api_asks_for_keys_or_is_open(self) -> None:
        by_access = {"Fn::If": ["WithoutSignatures", "NONE", "AWS_IAM"]}
        routes = self.of_type("AWS::ApiGatewayV2::Route")
        for name, route in routes.items():
            self.assertEqual(route["AuthorizationType"], by_access, name)
        self.assertEqual(self.resources["ApiFunctionUrl"]["Properties"]["AuthType"], by_access)
        for name in ("ApiFunctionUrlPermission", "ApiFunctionUrlInvokePermission"):
            self.assertEqual(self.resources[name]["Condition"], "WithoutSignatures")
        iam = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Access"}, "iam"]}]}
        self.assertEqual(self.template["Conditions"]["WithoutSignatures"], iam)

    def test_the_api_knows_every_way_of_access_and_is_told_which(self) -> None:
        access = self.template["Parameters"]["Access"]
        self.assertEqual((access["AllowedValues"], access["Default"]), (["iam", "keys", "open"], "iam"))
        variables = self.resources["ApiFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["MAREY_ACCESS"], {"Ref": "Access"})
        code = (ROOT / "functions/api/src/access.rs").read_text()
        for value in access["AllowedValues"]:
            self.assertIn(f'Some("{value}") => Mode::{value.capitalize()}', code)

    def test_what_can_go_wrong_raises_an_alarm(self) -> None:
        alarms = self.of_type("AWS::CloudWatch::Alarm")
        for source in ("Intake", *STAGES, "Webhook", "Events", "BatchFailures"):
            self.assertIn(f"{source}DeadLetterAlarm", alarms)
        for stage in STAGES:
            self.assertLessEqual({f"{stage}AgeAlarm", f"{stage}ExpressAgeAlarm", f"{stage}BreakerAlarm"}, set(alarms))
        for function in FUNCTIONS:
            self.assertLessEqual({f"{function}ErrorsAlarm", f"{function}ThrottlesAlarm"}, set(alarms))
        others = {"ParkedAlarm", "SweepSilentAlarm", "EventsLateAlarm", "BatchFailuresAlarm"}
        self.assertLessEqual(others | {"ApiServerErrorsAlarm", "ApiUrlServerErrorsAlarm"}, set(alarms))
        for name, alarm in alarms.items():
            (dimension,) = alarm["Dimensions"]
            value = dimension["Value"]
            if "Fn::FindInMap" in value:
                self.assertEqual(value["Fn::FindInMap"][0], "Functions", name)
                continue
            target = (text(value["Ref"]) if "Ref" in value else get_att(value)).partition(".")[0]
            self.assertIn(target, self.resources, name)
            condition = self.resources[target].get("Condition")
            self.assertEqual(self.resources[name].get("Condition"), condition, name)

    def test_silence_of_the_sweep_is_an_alarm_and_silence_elsewhere_is_none(self) -> None:
        for name, alarm in self.of_type("AWS::CloudWatch::Alarm").items():
            self.assertEqual(alarm["TreatMissingData"] == "breaching", name == "SweepSilentAlarm", name)

    def test_the_dashboard_is_json_and_shows_what_stages_measure(self) -> None:
        body = self.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        shown = set()
        for widget in json.loads(body)["widgets"]:
            for namespace, metric, dimension, value in widget["properties"]["metrics"]:
                if namespace == "Marey":
                    self.assertEqual(dimension, "Stage")
                    shown.add((metric, value.capitalize()))
        metrics = ("StageDuration", "QueueTime", "Attempts", "Failures", "Frames", "ColdStart", "CostUsd", "BreakerTripped")
        self.assertEqual(shown, {(metric, stage) for metric in metrics for stage in STAGES})
        measured = "".join(path.read_text() for path in (ROOT / "shared/cloud/src").rglob("*.rs"))
        for metric in metrics:
            self.assertTrue(f'"{metric}"' in measured, f"no code measures {metric}")


class ContainersTest(unittest.TestCase):
    """infra/gpu.yaml, and what the template and the functions assume of it."""

    def setUp(self) -> None:
        self.template = load(CONTAINERS)
        self.resources = self.template["Resources"]
        self.definition = self.resources["Definition"]["Properties"]
        self.main = load()

    def named(self, value: dict) -> str:
        """A name that is put together from the name of the stack."""
        return value["Fn::Sub"].replace("${Name}", "S").replace("${AWS::StackName}", "S")

    def test_containers_are_off_unless_asked_for(self) -> None:
        self.assertEqual(self.main["Parameters"]["Batch"]["Default"], "off")
        self.assertEqual(self.main["Resources"]["Containers"]["Condition"], "WithContainers")
        self.assertFalse([r for r in self.main["Resources"].values() if r["Type"].startswith("AWS::Batch::")])

    def test_every_parameter_is_handed_over(self) -> None:
        given = set(self.main["Resources"]["Containers"]["Properties"]["Parameters"])
        asked = {name for name, parameter in self.template["Parameters"].items() if "Default" not in parameter}
        self.assertLessEqual(asked, given)
        self.assertLessEqual(given, set(self.template["Parameters"]))

    def test_functions_know_queues_and_definition_by_their_names(self) -> None:
        made = {
            "MAREY_BATCH_QUEUE": self.resources["Queue"]["Properties"]["JobQueueName"],
            "MAREY_BATCH_QUEUE_EXPRESS": self.resources["QueueExpress"]["Properties"]["JobQueueName"],
            "MAREY_BATCH_DEFINITION": self.definition["JobDefinitionName"],
        }
        functions = self.main["Globals"]["Function"]["Environment"]["Variables"]
        for name, value in made.items():
            self.assertEqual(self.named(unconditional(functions[name])), self.named(value), name)
        self.assertGreater(
            self.resources["QueueExpress"]["Properties"]["Priority"], self.resources["Queue"]["Properties"]["Priority"]
        )

    def test_functions_may_submit_to_these_queues_and_nothing_else(self) -> None:
        test = TemplateTest()
        test.setUp()
        kinds = {"job-queue/S-standard", "job-queue/S-express", "job-definition/S-worker", "job-definition/S-worker:*"}
        for function in CONDUCTORS:
            arns = {self.named(arn).partition("${AWS::AccountId}:")[2] for arn in test.allowed(function, "batch:SubmitJob")}
            self.assertEqual(arns, kinds, function)
        for function in set(FUNCTIONS) - set(CONDUCTORS):
            self.assertEqual(test.allowed(function, "batch:SubmitJob"), [], function)

    def test_a_failure_is_told_for_these_queues_and_lost_nowhere(self) -> None:
        rule = self.main["Resources"]["BatchFailuresRule"]["Properties"]
        self.assertEqual(rule["EventPattern"]["source"], ["aws.batch"])
        self.assertEqual(rule["EventPattern"]["detail-type"], ["Batch Job State Change"])
        self.assertEqual(rule["EventPattern"]["detail"]["status"], ["FAILED"])
        queues = {self.named(arn).partition("job-queue/")[2] for arn in rule["EventPattern"]["detail"]["jobQueue"]}
        self.assertEqual(queues, {"S-standard", "S-express"})
        (target,) = rule["Targets"]
        self.assertEqual(get_att(target["Arn"]), "BatchFailuresQueue.Arn")
        self.assertEqual(get_att(target["DeadLetterConfig"]["Arn"]), "BatchFailuresDeadLetterQueue.Arn")
        properties = self.main["Resources"]["BatchQueuesPolicy"]["Properties"]
        self.assertEqual({q["Ref"] for q in properties["Queues"]}, {"BatchFailuresQueue", "BatchFailuresDeadLetterQueue"})
        policy = properties["PolicyDocument"]["Statement"][0]
        self.assertEqual((policy["Action"], policy["Principal"]), ("sqs:SendMessage", {"Service": "events.amazonaws.com"}))
        source = policy["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        self.assertTrue(source.endswith(":rule/" + rule["Name"]["Fn::Sub"]))

    def test_batch_understands_what_the_worker_says_when_it_ends(self) -> None:
        rules = self.definition["RetryStrategy"]["EvaluateOnExit"]
        self.assertLessEqual(len(rules), 5, "Batch takes five")
        worker = (ROOT / "functions/worker/src/outcome.rs").read_text()
        said = {name: int(status) for name, status in re.findall(r"Self::(\w+) => (\d+),", worker)}
        by_status = {int(rule["OnExitCode"]): rule["Action"] for rule in rules if "OnExitCode" in rule}
        self.assertEqual(by_status, {os.EX_TEMPFAIL: "RETRY", 1: "EXIT", 2: "EXIT"})
        # clap says 2 to a command line that it does not understand.
        self.assertEqual(said, {"Done": 0, "TryAgain": os.EX_TEMPFAIL, "Failed": 1})
        # Whatever kills a container is no verdict on its work: the engine counts attempts.
        self.assertEqual(rules[-1], {"Action": "RETRY", "OnReason": "*"})
        self.assertIn({"Action": "RETRY", "OnStatusReason": "Host EC2*"}, rules)
        self.assertGreater(self.definition["RetryStrategy"]["Attempts"], self.most_attempts())

    def most_attempts(self) -> int:
        """How often the engine tries a stage at most."""
        stages = [
            stage
            for path in (ROOT / "shared/engine/workflows").glob("*.toml")
            for stage in tomllib.loads(path.read_text())["stage"]
        ]
        return max(stage["retry"]["attempts"] for stage in stages)

    def test_an_attempt_may_take_as_long_as_any_stage(self) -> None:
        longest = max(
            stage["timeout_s"]
            for path in (ROOT / "shared/engine/workflows").glob("*.toml")
            for stage in tomllib.loads(path.read_text())["stage"]
        )
        self.assertGreater(self.main["Parameters"]["BatchTimeoutSeconds"]["Default"], longest)

    def test_the_worker_is_nobody_in_particular(self) -> None:
        container = self.definition["ContainerProperties"]
        self.assertRegex(container["User"], "^[1-9][0-9]+:[1-9][0-9]+$")
        self.assertIs(container["Privileged"]["Fn::If"][2], False)
        self.assertNotIn("SecurityGroupIngress", self.resources["SecurityGroup"]["Properties"])
        self.assertEqual(re.findall("^USER (.*)$", DOCKERFILE.read_text(), re.MULTILINE), [container["User"]])

    def test_the_worker_is_told_what_functions_are_told(self) -> None:
        told = {e["Name"]: e["Value"] for e in unconditional(self.definition["ContainerProperties"]["Environment"])}
        functions = self.main["Globals"]["Function"]["Environment"]["Variables"]
        in_image = set(re.findall(r"\b(MAREY_[A-Z]+)=", DOCKERFILE.read_text()))
        its_own = {"AWS_REGION", "MAREY_FARGATE_VCPUS", "MAREY_FARGATE_MEMORY"}
        # It parks nothing: a container has no message.
        self.assertEqual(set(told) - its_own | in_image, set(functions) - {"MAREY_QUEUE_PARKED"})
        for name, value in functions.items():
            if name.startswith("MAREY_QUEUE_") and name in told:
                queue = self.main["Resources"][value["Ref"]]["Properties"]["QueueName"]
                self.assertTrue(self.named(told[name]).endswith("/" + self.named(queue)), name)

    def test_the_worker_may_do_what_all_stages_together_may(self) -> None:
        test = TemplateTest()
        test.setUp()
        wanted = {action for stage in STAGES for s in test.statements(stage) for action in s["Action"]}
        # No queue feeds it, and it writes its log with another role.
        wanted -= {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
        wanted -= {"logs:CreateLogStream", "logs:PutLogEvents"}
        (policy,) = self.resources["WorkerRole"]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        self.assertEqual({action for s in statements for action in s["Action"]}, wanted)
        (dispatch,) = [s for s in statements if "sqs:SendMessage" in s["Action"]]
        sent = {self.named(arn).partition(":S-")[2] for arn in dispatch["Resource"]}
        self.assertEqual(sent, {f"{stage.lower()}{ending}" for stage in STAGES for ending in ("", "-express")})
        for statement in statements:
            if statement["Resource"] == "*":
                self.assertLessEqual(set(statement["Action"]), NOT_NARROWED)


class ImageTest(unittest.TestCase):
    """infra/Dockerfile.worker, which nothing here builds."""

    def setUp(self) -> None:
        self.stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]

    def test_each_variant_has_its_base_and_its_library(self) -> None:
        for variant in ("cpu", "cuda"):
            self.assertTrue([stage for stage in self.stages if re.match(rf"\S+ AS base-{variant}\n", stage)], variant)
            self.assertTrue(TEMPLATE.with_name(f"requirements-worker-{variant}.txt").is_file(), variant)

    def test_signals_reach_the_worker_and_orphans_are_reaped(self) -> None:
        entry = re.findall("^ENTRYPOINT (.*)$", self.stages[-1], re.MULTILINE)
        self.assertEqual([json.loads(line) for line in entry], [["/usr/bin/tini", "--", "/usr/local/bin/marey-worker"]])

    def test_no_compiler_comes_along(self) -> None:
        self.assertGreater(len(self.stages), 2)
        self.assertFalse(re.search(r"\b(cargo|rustc|g\+\+|pip)\b", self.stages[-1]))
        built = re.findall(r"cargo build .*-p (\S+)", "".join(self.stages))
        self.assertEqual(built, ["marey-fn-worker"])

    def test_the_build_sees_what_it_copies_and_no_weights_or_secrets_besides(self) -> None:
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        rules = [line for line in lines if line and not line.startswith("#")]
        self.assertEqual(rules[0], "*")
        admitted = {rule[1:] for rule in rules if rule.startswith("!")}
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
        members = {member.partition("/")[0] for member in workspace["members"]}
        sources = {"Cargo.toml", "Cargo.lock", "infra/requirements-worker-*.txt", ".marey/models"}
        self.assertEqual(admitted, members | sources)

    def test_versions_are_those_of_the_workspace(self) -> None:
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
        self.assertIn(f"ARG RUST_VERSION={workspace['package']['rust-version']}\n", DOCKERFILE.read_text())
        pinned = (ROOT / "xtask/convert/src/packages.rs").read_text()
        version, *_ = re.search(r'name: "onnxruntime",\s+version: "([^"]+)"', pinned).groups()
        for variant, package in (("cpu", "onnxruntime"), ("cuda", "onnxruntime-gpu")):
            wanted = TEMPLATE.with_name(f"requirements-worker-{variant}.txt").read_text()
            self.assertIn(f"\n{package}=={version} ", wanted)
        hashes = re.findall(r"sha256:([0-9a-f]{64})", TEMPLATE.with_name("requirements-worker-cpu.txt").read_text())
        self.assertEqual(len(hashes), 2)
        for digest in hashes:
            self.assertIn(digest, pinned)


if __name__ == "__main__":
    unittest.main()
