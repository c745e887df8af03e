resource "aws_eks_node_group" "services" {
  cluster_name = "shop"
}
