# not-evaluated: the policy of `aws_iam_policy.app` is only known after apply
variable "bucket" {
  type = string
}

resource "aws_iam_policy" "app" {
  policy = templatefile("${path.module}/policy.json", { bucket = var.bucket })
}
