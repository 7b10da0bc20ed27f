"""What a linter can't know about the template: relations between resources, and the limits of every role.

    python -m unittest discover -s infra/tests

with the Python of an environment made from infra/local/requirements-ministack.txt.
"""

import json
import re
import tomllib
import unittest
from pathlib import Path

from cfnlint.decode import cfn_yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
STAGES = ("Probe", "Pose", "Biomechanics", "Visualize")
FUNCTIONS = ("Intake", *STAGES, "Deadletter", "Api")


def load() -> dict:
    """The template with its loops over stages and functions carried out."""
    template = cfn_yaml.load(str(TEMPLATE))
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
        return policy["PolicyDocument"]["Statement"]

    def allowed(self, function: str, action: str) -> list:
        """The resources on which a function may do something."""
        found = []
        for statement in self.statements(function):
            if action in statement["Action"]:
                resource = statement["Resource"]
                found.extend(resource if isinstance(resource, list) else [resource])
        return found

    def test_reserved_concurrency_covers_both_priorities(self) -> None:
        for name, scale in self.mappings["Scales"].items():
            self.assertEqual(scale["Reserved"], scale["Standard"] + scale["Express"], name)
            self.assertGreaterEqual(scale["Express"], 2, f"{name}: SQS mappings start at two")

    def test_a_message_stays_hidden_while_its_function_may_run(self) -> None:
        for function in FUNCTIONS:
            timeout = self.mappings["Functions"][function]["Timeout"]
            for event in self.resources[f"{function}Function"]["Properties"].get("Events", {}).values():
                queue = get_att(event["Properties"]["Queue"]).removesuffix(".Arn")
                visibility = self.resources[queue]["Properties"]["VisibilityTimeout"]
                if isinstance(visibility, dict):
                    visibility = self.mappings["Functions"][visibility["Fn::FindInMap"][1]]["Visibility"]
                self.assertGreater(visibility, timeout, queue)
                batched = event["Properties"]["BatchSize"] > 1
                self.assertGreaterEqual(visibility, 6 * timeout if batched else timeout + 60, queue)

    def test_every_event_source_reports_failures_by_message(self) -> None:
        for function in FUNCTIONS:
            for event in self.resources[f"{function}Function"]["Properties"].get("Events", {}).values():
                self.assertEqual(event["Properties"]["FunctionResponseTypes"], ["ReportBatchItemFailures"], function)

    def test_every_queue_is_read_by_its_function_except_the_parked_one(self) -> None:
        read = {
            get_att(event["Properties"]["Queue"]).removesuffix(".Arn")
            for function in FUNCTIONS
            for event in self.resources[f"{function}Function"]["Properties"].get("Events", {}).values()
        }
        self.assertEqual(read, set(self.of_type("AWS::SQS::Queue")) - {"ParkedQueue"})

    def test_no_message_is_lost_or_open_to_read(self) -> None:
        policies = self.of_type("AWS::SQS::QueuePolicy").values()
        covered = {queue["Ref"] for policy in policies for queue in policy["Queues"]}
        queues = self.of_type("AWS::SQS::Queue")
        self.assertEqual(covered, set(queues))
        for name, queue in queues.items():
            self.assertEqual(queue["MessageRetentionPeriod"], 14 * 24 * 3600, name)
            self.assertIs(queue["SqsManagedSseEnabled"], True, name)
            if name != "ParkedQueue" and not name.endswith("DeadLetterQueue"):
                self.assertEqual(queue["RedrivePolicy"]["maxReceiveCount"], 5, name)
                stage = re.match("Intake|" + "|".join(STAGES), name)[0]
                self.assertEqual(get_att(queue["RedrivePolicy"]["deadLetterTargetArn"]), f"{stage}DeadLetterQueue.Arn")

    def test_a_dead_letter_queue_admits_just_the_queues_that_redrive_to_it(self) -> None:
        queues = self.of_type("AWS::SQS::Queue")
        for name, queue in queues.items():
            if not name.endswith("DeadLetterQueue"):
                continue
            admitted = {arn["Fn::Sub"].partition("${AWS::AccountId}:")[2] for arn in queue["RedriveAllowPolicy"]["sourceQueueArns"]}
            sources = {
                source["QueueName"]["Fn::Sub"]
                for source in queues.values()
                if "RedrivePolicy" in source and get_att(source["RedrivePolicy"]["deadLetterTargetArn"]) == f"{name}.Arn"
            }
            self.assertEqual(admitted, sources, name)

    def test_stages_send_to_themselves_and_downstream_only(self) -> None:
        downstream = {
            "Intake": set(STAGES),
            "Probe": {"Probe", "Pose"},
            "Pose": {"Pose", "Biomechanics", "Visualize"},
            "Biomechanics": {"Biomechanics", "Visualize"},
            "Visualize": {"Visualize"},
            "Deadletter": set(STAGES),
            "Api": set(),
        }
        for function, stages in downstream.items():
            expected = {f"{stage}{queue}.Arn" for stage in stages for queue in ("Queue", "ExpressQueue")}
            if function == "Deadletter":
                expected.add("ParkedQueue.Arn")
            self.assertEqual({get_att(arn) for arn in self.allowed(function, "sqs:SendMessage")}, expected, function)

    def test_no_role_allows_more_than_it_names(self) -> None:
        for function in FUNCTIONS:
            for statement in self.statements(function):
                actions, resource = statement["Action"], statement["Resource"]
                self.assertFalse([action for action in actions if "*" in action], function)
                self.assertNotIn("*", resource if isinstance(resource, list) else [resource], function)

    def test_stages_write_their_own_artifacts_only(self) -> None:
        for stage in STAGES:
            written = {arn["Fn::Sub"] for arn in self.allowed(stage, "s3:PutObject")}
            own = f"${{ArtifactsBucket.Arn}}/artifacts/*/{stage.lower()}/*"
            self.assertEqual(written, {own, "${ArtifactsBucket.Arn}/artifacts/*/manifest.json"})

    def test_whoever_may_end_a_job_may_write_its_manifest(self) -> None:
        for function in (*STAGES, "Deadletter"):
            written = {arn["Fn::Sub"] for arn in self.allowed(function, "s3:PutObject")}
            self.assertIn("${ArtifactsBucket.Arn}/artifacts/*/manifest.json", written, function)

    def test_every_function_may_make_the_calls_of_the_table_that_it_makes_and_no_other(self) -> None:
        for function in FUNCTIONS:
            calls = {action for s in self.statements(function) for action in s["Action"] if action.startswith("dynamodb:")}
            self.assertEqual(calls, {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"}, function)
        self.assertIn({"Fn::Sub": "${JobsTable.Arn}/index/by-owner"}, self.allowed("Api", "dynamodb:Query"))

    def test_every_route_of_the_api_is_routed(self) -> None:
        described = json.loads((TEMPLATE.parents[1] / "functions/api/openapi.json").read_text())
        routes = {f"{method.upper()} {path}" for path, item in described["paths"].items() for method in item}
        keys = self.mappings["RouteKeys"]
        made = {keys[route["RouteKey"]["Fn::FindInMap"][1]]["Key"] for route in self.of_type("AWS::ApiGatewayV2::Route").values()}
        self.assertEqual(made, routes)

    def test_an_attempt_ends_before_its_function_does(self) -> None:
        workflow = tomllib.loads((TEMPLATE.parents[1] / "shared/engine/workflows/motion.toml").read_text())
        for stage in workflow["stage"]:
            timeout = self.mappings["Functions"][stage["name"].capitalize()]["Timeout"]
            self.assertLessEqual(stage["timeout_s"] + 10, timeout, stage["name"])

    def test_buckets_are_private_encrypted_and_versioned(self) -> None:
        for name, bucket in self.of_type("AWS::S3::Bucket").items():
            self.assertTrue(all(bucket["PublicAccessBlockConfiguration"].values()), name)
            self.assertEqual(len(bucket["PublicAccessBlockConfiguration"]), 4, name)
            self.assertIn("BucketEncryption", bucket)
            self.assertEqual(bucket["VersioningConfiguration"]["Status"], "Enabled")
            (statement,) = self.resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Action"]), ("Deny", "s3:*"), name)
            self.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}}, name)

    def test_every_route_asks_for_a_signature_unless_the_stack_is_open(self) -> None:
        routes = self.of_type("AWS::ApiGatewayV2::Route")
        for name, route in routes.items():
            self.assertEqual(route["AuthorizationType"], {"Fn::If": ["WithOpenAccess", "NONE", "AWS_IAM"]}, name)
        self.assertEqual(self.template["Parameters"]["Access"]["Default"], "iam")

    def test_what_can_go_wrong_raises_an_alarm(self) -> None:
        alarms = self.of_type("AWS::CloudWatch::Alarm")
        for source in ("Intake", *STAGES):
            self.assertIn(f"{source}DeadLetterAlarm", alarms)
        for stage in STAGES:
            self.assertLessEqual({f"{stage}AgeAlarm", f"{stage}ExpressAgeAlarm"}, set(alarms))
        for function in FUNCTIONS:
            self.assertLessEqual({f"{function}ErrorsAlarm", f"{function}ThrottlesAlarm"}, set(alarms))
        self.assertLessEqual({"ParkedAlarm", "ApiServerErrorsAlarm", "ApiUrlServerErrorsAlarm"}, set(alarms))
        for name, alarm in alarms.items():
            (dimension,) = alarm["Dimensions"]
            value = dimension["Value"]
            target = text(value["Ref"]) if "Ref" in value else get_att(value)
            self.assertIn(target.partition(".")[0], self.resources, name)


if __name__ == "__main__":
    unittest.main()
