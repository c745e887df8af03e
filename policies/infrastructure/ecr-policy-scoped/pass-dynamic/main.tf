variable "organisations" {
  type = list(string)
}

data "aws_iam_policy_document" "api" {
  statement {
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    dynamic "condition" {
      for_each = var.organisations
      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy     = data.aws_iam_policy_document.api.json
}
