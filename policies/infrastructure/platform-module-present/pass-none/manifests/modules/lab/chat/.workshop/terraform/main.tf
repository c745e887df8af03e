# Something else is called modules here.
resource "aws_sqs_queue" "chat" {
  name = "chat"
}
