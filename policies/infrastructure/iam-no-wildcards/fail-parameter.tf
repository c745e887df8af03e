# params: {"sensitive": ["sqs"]}
data "aws_iam_policy_document" "queues" {
  statement {
    actions   = ["sqs:*"] # expect[service]: all actions of `sqs`
    resources = ["*"]
  }

  statement {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::media/*"]
  }
}
