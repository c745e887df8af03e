resource "aws_eks_cluster" "shop" {
  name = "shop"
}

resource "aws_eks_addon" "all" {
  for_each     = toset(["coredns", "eks-pod-identity-agent"])
  cluster_name = aws_eks_cluster.shop.name
  addon_name   = each.value
}

resource "aws_iam_role" "cart" {
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession"], Principal = { Service = ["pods.eks.amazonaws.com"] } }]
  })
}

resource "aws_eks_pod_identity_association" "cart" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "shop"
  service_account = "cart"
  role_arn        = aws_iam_role.cart.arn
}
