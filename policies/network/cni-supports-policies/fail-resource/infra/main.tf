resource "aws_eks_cluster" "main" {
  name = "main"
}

# Nobody configures it.
# label: this add-on does not enforce it
resource "aws_eks_addon" "cni" {
  cluster_name = aws_eks_cluster.main.name
  addon_name   = "vpc-cni"
}

resource "aws_eks_addon" "dns" {
  cluster_name = aws_eks_cluster.main.name
  addon_name   = "coredns"
}
