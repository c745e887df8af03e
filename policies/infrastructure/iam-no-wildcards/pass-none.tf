# not-applicable: it has no policies of users, groups or roles
resource "aws_sqs_queue" "orders" {
  name = "orders"
}
