resource "aws_eks_cluster" "shop" {
  name = "shop"
}

resource "aws_eks_addon" "agent" {
  cluster_name = aws_eks_cluster.shop.name
  addon_name   = "eks-pod-identity-agent"
}
