# not-applicable: it has no databases of RDS
resource "aws_sqs_queue" "orders" {
  name = "orders"
}
