resource "aws_iam_role" "cart" {
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow" # expect[no-subject]: every ServiceAccount of the cluster
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.eks.arn }
    }]
  })
}
