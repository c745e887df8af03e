# not-applicable: it has no rules that let something in
resource "aws_sqs_queue" "orders" {
  name = "orders"
}
