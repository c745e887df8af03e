data "aws_iam_policy_document" "api" {
  statement {
    actions = ["ecr:Put*"]
    principals {
      type = "AWS"
      identifiers = [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::777788889999:role/ci", # expect[push]: `arn:aws:iam::777788889999:role/ci` may do `ecr:Put*` here
      ]
    }
  }
}

resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy     = data.aws_iam_policy_document.api.json
}
