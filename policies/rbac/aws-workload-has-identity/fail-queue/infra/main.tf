resource "aws_eks_cluster" "shop" {
  name = "shop"
}

resource "aws_eks_pod_identity_association" "other" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "bank"
  service_account = "orders"
  role_arn        = aws_iam_role.orders.arn
}
