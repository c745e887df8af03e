variable "base" {
  type = map(any)
}

resource "aws_iam_role" "cart" {
  assume_role_policy = jsonencode(merge(var.base, {
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.eks.arn }
    }]
  }))
}
