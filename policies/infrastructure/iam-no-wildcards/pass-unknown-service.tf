# not-evaluated: whether `braket:CreateJob` can be limited is not known
data "aws_iam_policy_document" "jobs" {
  statement {
    actions   = ["braket:CreateJob"]
    resources = ["*"]
  }
}
