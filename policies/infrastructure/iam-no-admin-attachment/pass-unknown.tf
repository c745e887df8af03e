# not-evaluated: the policy of `aws_iam_role_policy_attachment.given` is only known after apply
variable "policy" {
  type = string
}

resource "aws_iam_role_policy_attachment" "given" {
  role       = "ci"
  policy_arn = var.policy
}
