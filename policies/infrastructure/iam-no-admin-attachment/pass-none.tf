# not-applicable: it attaches no policies
resource "aws_sqs_queue" "orders" {
  name = "orders"
}
