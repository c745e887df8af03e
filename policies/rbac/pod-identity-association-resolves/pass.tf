resource "aws_eks_cluster" "shop" {
  name     = "shop"
  role_arn = aws_iam_role.cluster.arn
  compute_config {
    enabled = true
  }
}

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cart" {
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_eks_pod_identity_association" "cart" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "shop"
  service_account = "cart"
  role_arn        = aws_iam_role.cart.arn
}
