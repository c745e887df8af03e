resource "aws_eks_addon" "logs" {
  cluster_name = "shop"
  addon_name   = "amazon-cloudwatch-observability"
}
