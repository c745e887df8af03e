variable "account" {
  type = string
}

data "aws_iam_policy_document" "api" {
  statement {
    actions = ["ecr:PutImage"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account}:root"]
    }
  }
}

resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy     = data.aws_iam_policy_document.api.json
}
