# not-evaluated: the policy of `aws_iam_policy.media` is only known after apply
variable "more" {
  type = any
}

resource "aws_iam_policy" "media" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::media/*" }, var.more]
  })
}
