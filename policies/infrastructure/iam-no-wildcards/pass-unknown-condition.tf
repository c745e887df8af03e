# not-evaluated: the conditions of `data.aws_iam_policy_document.app` are made by a `dynamic` block
variable "conditions" {
  type = list(string)
}

data "aws_iam_policy_document" "app" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = ["*"]

    dynamic "condition" {
      for_each = var.conditions
      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/team"
        values   = [condition.value]
      }
    }
  }
}
